"""What the reader has chosen and every screen honours.

The model, the budget, how curves look, which samples are listed.
"""

from __future__ import annotations

from dataclasses import dataclass

from tui.data.curves import Wish
from tui.data.snapshot import Curves, Snapshot
from tui.text import harmless, short_names
from tui.widgets.plot import mark

LABEL_WIDTH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Without a rule of the reader's own it goes where a comparison says most."""

    tone: int = 0
    rule: float | None = None
    log: bool = True
    band: bool = True
    wish: Wish = Wish()
    pinned: int | None = None  # the model that the chosen one is compared with
    filter: str = ""
    sort: str = "newest"
    reverse: bool = False


def tone_of(choice: Choice, shot: Snapshot) -> int:
    """The chosen model's place; the last one where there are fewer."""
    return max(0, min(choice.tone, len(shot.models) - 1))


def pinned_of(choice: Choice, shot: Snapshot) -> int | None:
    """The model to compare with.

    The pinned one, or the same model of a second store, or the first other one, if any.
    """
    chosen = tone_of(choice, shot)
    others = [tone for tone in range(len(shot.models)) if tone != chosen]
    if choice.pinned in others:
        return choice.pinned
    twin = f"{shot.guests.store}:{shot.models[chosen].name}" if shot.guests and shot.models else ""
    return next((tone for tone in others if shot.models[tone].name == twin), next(iter(others), None))


def rule_of(choice: Choice, shot: Snapshot) -> float | None:
    """Where the rule stands: where the reader put it, or at its own place."""
    return choice.rule if choice.rule is not None else default_rule(shot.curves)


def labels_of(shot: Snapshot, width: int = LABEL_WIDTH) -> list[str]:
    """The models' names, short and different."""
    return short_names([harmless(model.name, 200) for model in shot.models], width)


def marked_names(shot: Snapshot) -> dict[int, str]:
    """The models' marks and short names, by id."""
    named = zip(shot.models, labels_of(shot), strict=True)
    return {model.id: f"{mark(tone)} {label}" for tone, (model, label) in enumerate(named)}


def toned_names(shot: Snapshot) -> dict[int, tuple[int, str]]:
    """The models' tones and short names, by id."""
    named = zip(shot.models, labels_of(shot), strict=True)
    return {model.id: (tone, label) for tone, (model, label) in enumerate(named)}


def default_rule(curves: Curves | None) -> float | None:
    """The largest budget at which every curve that has begun can be read: there a comparison says most."""
    series = [one for one in curves.series if one.xs] if curves else []
    if not series:
        return None
    reached = min(one.end for one in series)
    begun = max(one.xs[0] for one in series)
    shared = [x for one in series for x in one.xs if begun <= x < reached]
    return max(shared) if shared else max(one.xs[-1] for one in series)
