"""Show dialogs over a screen: a question with its answers, a letter for each pane to jump to, and help."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from string import ascii_lowercase
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.events import Key
from textual.screen import ModalScreen, Screen
from textual.widget import Widget
from textual.widgets import Button, Input, Label, Static

from sampler.stats.budget import EXAMPLES, BudgetError, Unit, parse_budget
from tui.text import sanitize
from tui.widgets.text_view import TextView

if TYPE_CHECKING:
    from textual.binding import ActiveBinding
    from textual.dom import DOMNode


_PICK_CSS = """
{name} {{ align: center middle; }}
{name} > Vertical {{ width: 76; max-width: 96%; height: auto; padding: 1 2; }}
{name} > Vertical {{ border: round $accent; background: $surface; }}
{name} Static {{ height: auto; margin-bottom: 1; }}
{name} Button {{ width: 100%; margin-bottom: 0; }}
"""


class PickScreen(ModalScreen[str | None]):
    """One of several answers, by its letter, by enter, or by a click."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Close", id="pick.close")]
    CSS = _PICK_CSS.format(name="PickScreen")

    def __init__(self, title: str, words: str, answers: Sequence[tuple[str, str, str]]) -> None:
        """`answers` are a letter, what it says, and what it gives back."""
        super().__init__()
        self._title = title
        self._words = words
        self._answers = answers

    def compose(self) -> ComposeResult:
        """Yield the question and a button for each answer."""
        with Vertical() as box:
            box.border_title = Content(self._title)
            box.border_subtitle = Content("esc closes")
            yield Static(Content(self._words), markup=False)
            for letter, label, value in self._answers:
                yield Button(Content(f"{letter}  {label}"), id=f"answer-{value}", compact=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        """Choose the answer of a button."""
        self.dismiss((event.button.id or "").removeprefix("answer-"))

    def on_key(self, event: Key) -> None:
        """Choose the answer of a letter."""
        for letter, _, value in self._answers:
            if event.character == letter:
                event.stop()
                self.dismiss(value)


class BudgetScreen(ModalScreen[tuple[Unit, float] | None]):
    """A field for a budget, with or without its unit; it stays open until the text is one that can be shown."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Close", id="budget.close")]
    CSS = (
        _PICK_CSS.format(name="BudgetScreen")
        + "BudgetScreen Input { height: 1; border: none; padding: 0 1; background: $foreground 10%; }"
        + "BudgetScreen #why { color: $warning; margin: 1 0 0 0; }"
    )

    def __init__(self, unit: Unit, offered: Sequence[Unit]) -> None:
        """`unit` is that of a bare number; `offered` are the units in which some model has a cost."""
        super().__init__()
        self._unit = unit
        self._offered = offered

    def compose(self) -> ComposeResult:
        """Yield the field, and below it what is wrong with its text."""
        with Vertical() as box:
            box.border_title = Content("Budget per problem")
            box.border_subtitle = Content("enter sets it · esc closes")
            yield Static(Content(f"A bare number is in {self._unit.value}. For example {EXAMPLES}."), markup=False)
            yield Input(placeholder="budget", compact=True, id="budget")
            yield Static(id="why", markup=False)

    def on_mount(self) -> None:
        """Focus the field."""
        self.query_one(Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Give the budget back, or say why it is none."""
        try:
            self.dismiss(shown_budget(event.value, self._unit, self._offered))
        except BudgetError as error:
            self.query_one("#why", Static).update(Content(sanitize(str(error))))


def shown_budget(text: str, unit: Unit, offered: Sequence[Unit]) -> tuple[Unit, float]:
    """Return a typed budget and the unit that shows it: the present one if it fits, else the first offered one.

    Raises BudgetError if the text is no budget, or if no model has a known cost in its unit.
    """
    budget = parse_budget(text)
    if not budget.units or unit in budget.units:
        return unit, budget.amount
    fits = next((one for one in budget.units if one in offered), None)
    if fits is None:
        known = ", ".join(one.value for one in offered)
        raise BudgetError(f"no model's cost is known in {budget.units[0].value}; known are {known}")
    return fits, budget.amount


class JumpScreen(ModalScreen[None]):
    """Letters over the screen below."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+o", "dismiss", "Close", id="jump.close")]
    CSS = """
    JumpScreen { background: $background 20%; }
    JumpScreen Label { position: absolute; width: 5; height: 1;
      background: $warning; color: $background; text-style: bold;
      content-align: center middle; }
    """

    def __init__(self, below: Screen[object]) -> None:
        super().__init__()
        self._targets: dict[str, Widget] = dict(
            zip(ascii_lowercase, (widget for widget in below.focus_chain if widget.region), strict=False)
        )

    def compose(self) -> ComposeResult:
        """Yield a letter at the corner of each pane."""
        for letter, widget in self._targets.items():
            label = Label(f"[{letter}]", markup=False)
            label.styles.offset = (widget.region.x, widget.region.y)
            yield label

    def on_key(self, event: Key) -> None:
        """Go to the pane with that letter; any other key only removes the letters."""
        event.stop()
        self.dismiss()
        widget = self._targets.get(event.key)
        if widget is not None:
            widget.focus()


_GROUPS = {"app": "Everywhere", "plot": "Plot", "list": "Lists", "text": "Text", "models": "Models", "tail": "Tail"}
_ORDER = {"Plot": 1, "Models": 2, "Tail": 2, "Lists": 3, "Text": 3, "Everywhere": 4}  # a screen's own keys come first
_KEYS = {
    "question_mark": "?",
    "exclamation_mark": "!",
    "slash": "/",
    "escape": "esc",
    "plus": "+",
    "minus": "-",
    "equals_sign": "=",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "pageup": "pgup",
    "pagedown": "pgdn",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyEntry:
    """A key, or several for one thing."""

    id: str  # what a keymap calls it
    key: str
    name: str
    words: str
    action: str
    node: DOMNode

    @property
    def group(self) -> str:
        """Return where the key works."""
        head = self.id.partition(".")[0]
        return _GROUPS.get(head, head.capitalize())


def key_words(keys: str) -> str:
    """Return keys as they are named on a keyboard."""
    told = []
    for key in keys.split(","):
        *modifiers, last = key.split("+")
        last = _KEYS.get(last, last)
        told.append("+".join([*modifiers, last]))
    return " ".join(told)


def entries_of(bindings: Iterable[ActiveBinding]) -> list[KeyEntry]:
    """Return the entries of bindings that have an id of ours; keys with the same action are one entry."""
    found: dict[str, KeyEntry] = {}
    for active in bindings:
        binding = active.binding
        if not binding.id or not binding.description or not active.enabled:
            continue
        key = key_words(binding.key)
        if binding.id in found:
            before = found[binding.id]
            key = f"{before.key} {key}"
        found[binding.id] = KeyEntry(
            id=binding.id,
            key=key,
            name=binding.description,
            words=binding.tooltip or binding.description,
            action=binding.action,
            node=active.node,
        )
    return sorted(found.values(), key=lambda entry: _ORDER.get(entry.group, 0))


def paragraphs(words: str) -> list[str]:
    """Return the paragraphs of a text, each on one line; lines that begin with a space stay as they are."""
    found: list[str] = []
    goes_on = False
    for line in words.strip().splitlines():
        plain = bool(line.strip()) and not line.startswith(" ")
        if plain and goes_on:
            found[-1] += f" {line.strip()}"
        else:
            found.append(line.rstrip())
        goes_on = plain
    return found


def matching(entries: Sequence[KeyEntry], typed: str) -> list[KeyEntry]:
    """Return the entries that hold every word typed."""
    words = typed.lower().split()
    return [
        entry
        for entry in entries
        if all(word in f"{entry.key} {entry.name} {entry.words} {entry.group} {entry.id}".lower() for word in words)
    ]


_KEY = 16


class HelpScreen(ModalScreen[None]):
    """A box over the screen; typing filters it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f1,question_mark", "dismiss", "Close", id="help.close"),
        Binding("down", "scroll(1)", "Down", id="help.down", show=False),
        Binding("up", "scroll(-1)", "Up", id="help.up", show=False),
        Binding("pagedown", "scroll(10)", "Page down", id="help.page_down", show=False),
        Binding("pageup", "scroll(-10)", "Page up", id="help.page_up", show=False),
    ]
    CSS = """
    HelpScreen { align: center middle; }
    HelpScreen > Vertical {
        width: 90%; max-width: 110; height: 90%; max-height: 50; border: round $accent; background: $surface;
    }
    HelpScreen Input { height: 1; border: none; padding: 0 1; background: $foreground 10%; }
    """

    def __init__(self, entries: Sequence[KeyEntry], words: str) -> None:
        super().__init__()
        self._entries = entries
        self._words = paragraphs(words)

    def compose(self) -> ComposeResult:
        """Yield a field to type into, and the text."""
        with Vertical() as box:
            box.border_title = Content("Help · type to search · esc closes")
            yield Input(placeholder="search for a key or a word", compact=True)
            yield TextView(id="text")

    def on_mount(self) -> None:
        """Show all entries at first."""
        self.query_one(Input).focus()
        self._draw("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Show the entries that hold the typed words; a question mark in an empty field closes the help."""
        if event.value == "?":
            self.dismiss()
            return
        self._draw(event.value)

    def action_scroll(self, lines: int) -> None:
        """Scroll the text."""
        self.query_one(TextView).action_scroll_lines(lines)

    def _draw(self, typed: str) -> None:
        lines: list[Text] = []
        words = [line for line in self._words if not typed or typed.lower() in line.lower()]
        if words:
            lines += [*(Text(line) for line in words), Text()]
        group = ""
        for entry in matching(self._entries, typed):
            if entry.group != group:
                group = entry.group
                lines.append(Text(group, "bold underline"))
            line = Text(f"  {entry.key:<{_KEY}} ", "bold")
            line.append(entry.name, "not bold")
            if entry.words != entry.name:
                line.append(f" · {entry.words}", "not bold dim")
            lines.append(line)
        self.query_one(TextView).show(lines or [Text("  no match", "dim")], wrapped=True)
