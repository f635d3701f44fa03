"""Every key that works at a moment, as entries that help, palette and documents are made from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.binding import ActiveBinding
    from textual.dom import DOMNode

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
class Entry:
    """A key, or several for one thing."""

    id: str  # what a keymap calls it
    key: str
    name: str
    words: str
    action: str
    node: DOMNode

    @property
    def group(self) -> str:
        """Where it works."""
        head = self.id.partition(".")[0]
        return _GROUPS.get(head, head.capitalize())


def key_words(keys: str) -> str:
    """Keys as they stand on a keyboard."""
    told = []
    for key in keys.split(","):
        *modifiers, last = key.split("+")
        last = _KEYS.get(last, last)
        told.append("+".join([*modifiers, last]))
    return " ".join(told)


def entries_of(bindings: Iterable[ActiveBinding]) -> list[Entry]:
    """The entries of bindings that have an id of ours; keys that do the same stand together."""
    found: dict[str, Entry] = {}
    for active in bindings:
        binding = active.binding
        if not binding.id or not binding.description or not active.enabled:
            continue
        key = key_words(binding.key)
        if binding.id in found:
            before = found[binding.id]
            key = f"{before.key} {key}"
        found[binding.id] = Entry(
            id=binding.id,
            key=key,
            name=binding.description,
            words=binding.tooltip or binding.description,
            action=binding.action,
            node=active.node,
        )
    return sorted(found.values(), key=lambda entry: _ORDER.get(entry.group, 0))


def paragraphs(words: str) -> list[str]:
    """The paragraphs of a text, each on one line; lines that begin with a space stay as they are."""
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


def matching(entries: Sequence[Entry], typed: str) -> list[Entry]:
    """The entries that hold every word typed."""
    words = typed.lower().split()
    return [
        entry
        for entry in entries
        if all(word in f"{entry.key} {entry.name} {entry.words} {entry.group} {entry.id}".lower() for word in words)
    ]
