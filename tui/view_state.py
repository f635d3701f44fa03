"""Hold the reader's choices, which apply to every screen.

They are the model, the budget, the style of curves, and which samples are listed.
"""

from __future__ import annotations

from dataclasses import dataclass

from sampler.plotting import shorten_names
from tui.data.curves import CurveRequest
from tui.data.snapshot import Curves, Snapshot
from tui.text import sanitize

LABEL_WIDTH = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewState:
    """The reader's choices; without a chosen rule, the rule is at the most informative budget."""

    tone: int = 0
    rule: float | None = None
    log: bool = True
    bands: int = 1  # of how many models the interval is drawn
    curves: CurveRequest = CurveRequest()
    pinned: int | None = None  # the model that the chosen one is compared with
    filter: str = ""
    sort: str = "newest"
    reverse: bool = False


def tone_of(view_state: ViewState, snapshot: Snapshot) -> int:
    """Return the chosen model's place; the last one where there are fewer."""
    return max(0, min(view_state.tone, len(snapshot.models) - 1))


def pinned_of(view_state: ViewState, snapshot: Snapshot) -> int | None:
    """Return the model to compare with.

    The pinned one, or the same model of a second store, or the first other one, if any.
    """
    chosen = tone_of(view_state, snapshot)
    others = [tone for tone in range(len(snapshot.models)) if tone != chosen]
    if view_state.pinned in others:
        return view_state.pinned
    twin = f"{snapshot.compared.store}:{snapshot.models[chosen].name}" if snapshot.compared and snapshot.models else ""
    return next((tone for tone in others if snapshot.models[tone].name == twin), next(iter(others), None))


def bands_of(view_state: ViewState, snapshot: Snapshot) -> frozenset[int]:
    """Return the models whose interval is drawn: none, the chosen one, or with it the one it is compared with."""
    chosen, other = tone_of(view_state, snapshot), pinned_of(view_state, snapshot)
    shown = [chosen, *([] if other is None else [other])]
    return frozenset(shown[: view_state.bands])


def rule_of(view_state: ViewState, snapshot: Snapshot) -> float | None:
    """Return the rule's budget: the chosen one, or the default.

    A budget that was chosen in another unit waits until the curves are of that unit.
    """
    curves, unit = snapshot.curves, view_state.curves.unit
    waits = curves is not None and curves.unit is not unit and unit in snapshot.units
    return default_rule(curves) if view_state.rule is None or waits else view_state.rule


def labels_of(snapshot: Snapshot, width: int = LABEL_WIDTH) -> list[str]:
    """Return the models' names, short and different."""
    return shorten_names(names_of(snapshot), width)


def names_of(snapshot: Snapshot) -> list[str]:
    """Return the models' whole names, safe to show."""
    return [sanitize(model.name, 200) for model in snapshot.models]


def toned_names(snapshot: Snapshot) -> dict[int, tuple[int, str]]:
    """Return the models' tones and whole names, by id; a greedy sample has the tone of its model."""
    named = zip(snapshot.models, names_of(snapshot), strict=True)
    toned = {model.id: (tone, name) for tone, (model, name) in enumerate(named)}
    stars = {
        star.id: (toned[star.greedy_of][0], sanitize(star.name, 200))
        for star in snapshot.greedy
        if star.greedy_of in toned
    }
    return toned | stars


def default_rule(curves: Curves | None) -> float | None:
    """Return the largest budget at which no curve has ended: the most informative one.

    There all curves have a value, or those that have begun: a sample of a large model may cost more than all of a
    small one.
    """
    series = [one for one in curves.series if one.xs] if curves else []
    if not series:
        return None
    reached = min(one.end for one in series)
    shared = [x for one in series for x in one.xs if x < reached]
    return max(shared) if shared else max(one.xs[-1] for one in series)
