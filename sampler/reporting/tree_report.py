"""Set strategies against independent samples: what each turn reaches, what it costs, and what else that cost buys.

Every policy here hands out *one* answer and may use the same public tests: a chain of repairs, cut after each turn, or
independent samples, one by one until one passes them. The drafts of a strategy are independent samples, so it is set
against its own drafts, and against the other models of the study. Costs are those of each sample as it was drawn, in
the charge "each" (every prompt is read anew) or "measured" (what the engine had cached costs nothing, or its price).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from sampler.costs import params_flops
from sampler.exit_codes import CommandError, Exit
from sampler.reporting.render import collapse
from sampler.stats.bootstrap import Floats, Interval
from sampler.stats.budget import PromptCharge, Unit
from sampler.stats.trees import Gain, Grown, Try, gain, repairs_drawn, resampling, tree_pass
from sampler.store.read_models import ModelRow, TurnRow
from sampler.store.sample_readers import TurnReader
from sampler.store.writer import chosen_study, open_migrated
from sampler.study.strategies import Feedback, Strategy, StrategyKind, next_in_tree, tree_and_place
from sampler.values import NoSuchName, matching_name
from sandbox.values import Verdict

UNITS = (Unit.TOKENS, Unit.FLOPS, Unit.FLOPS_PARAMS, Unit.SECONDS, Unit.DOLLARS)


class NoTrees(CommandError, ValueError):
    """A store without a strategy."""

    exit_code = Exit.EMPTY


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyLine:
    """A policy and its gain over independent samples of the strategy's own model, at the policy's cost."""

    model: str
    policy: str
    problems: int
    gain: Gain


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeLine:
    """Trees in the setting of Olausson et al.: any program counts, by the judge tests."""

    model: str
    drafts: int
    repairs: int
    rate: float
    interval: Interval | None
    programs: float  # drafts, and the repairs that are drawn where no draft passed


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeReport:
    """All of it, in one unit."""

    study: str
    unit: Unit
    charge: PromptCharge
    policies: tuple[PolicyLine, ...]
    trees: tuple[TreeLine, ...]
    notes: tuple[str, ...]
    against: str | None = None


def strategy_of(model: ModelRow) -> Strategy | None:
    """Return the strategy of a stored model."""
    said = dict(model.strategy or {})
    if not said:
        return None
    return Strategy(
        kind=StrategyKind(str(said["kind"])),
        turns=int(str(said["turns"])),
        repairs=int(str(said.get("repairs", 1))),
        feedback=Feedback(str(said.get("feedback", Feedback.TEST.value))),
    )


def read_trees(
    path: Path, study: str | None, unit: Unit, charge: PromptCharge, against: str | None = None
) -> TreeReport:
    """Return the report of a store; raises StoreError, or NoTrees where no model has a strategy.

    `against` names the model whose independent samples each policy is set against, instead of its own drafts.
    """
    with open_migrated(path, TurnReader) as reader:
        row = chosen_study(reader.studies(), path, study)
        models = {model.id: model for model in reader.models(row.id)}
        drawn = {id_: reader.turns(id_) for id_ in models}
        ended = {id_: {(tree.problem, tree.tree) for tree in reader.trees(id_)} for id_ in models}
    planned = {id_: strategy for id_, model in models.items() if (strategy := strategy_of(model))}
    if not planned:
        raise NoTrees(f'study {row.name!r} has no model with a strategy; `strategy = "repair"` in [[models]] makes one')
    independent = [model.name for id_, model in models.items() if id_ not in planned]
    if against is not None:
        try:
            against = matching_name(independent, against)
        except NoSuchName as error:
            raise NoTrees(f"no model with independent samples is meant: {error}") from error
    policies: list[PolicyLine] = []
    trees: list[TreeLine] = []
    notes: list[str] = []
    for id_, strategy in planned.items():
        kept = [turn for turn in drawn[id_] if (turn.problem, tree_and_place(turn.index)[0]) in ended[id_]]
        if not kept:
            notes.append(f"{models[id_].name}: no tree has ended yet")
            continue
        begun = {(turn.problem, tree_and_place(turn.index)[0]) for turn in drawn[id_]}
        if open_trees := len(begun - ended[id_]):
            notes.append(f"{models[id_].name}: {open_trees} of {len(begun)} trees have not ended, and those are harder")
        others = [(models[one], drawn[one]) for one in models if one not in planned]
        setting = _Setting(
            cost=sample_cost(unit, charge), rng=np.random.default_rng(row.seed), notes=notes, against=against
        )
        policies += _policies(models[id_], strategy, kept, others, setting)
        if strategy.kind is StrategyKind.REPAIR:
            trees += _trees(models[id_], strategy, kept, row.seed)
    return TreeReport(
        study=row.name,
        unit=unit,
        charge=charge,
        policies=tuple(policies),
        trees=tuple(trees),
        notes=tuple(notes),
        against=against,
    )


Cost = Callable[[ModelRow, TurnRow], float | None]
Tries = dict[str, list[Try]]  # by problem


@dataclass(frozen=True, slots=True, kw_only=True)
class _Setting:
    cost: Cost
    rng: np.random.Generator
    notes: list[str]
    against: str | None


_Tree = dict[int, TurnRow]  # by place
_Forest = dict[str, dict[int, _Tree]]  # by problem and tree


def sample_cost(unit: Unit, charge: PromptCharge) -> Cost:
    """Return what a sample costs in a unit; None where that is not known."""
    spared = charge is PromptCharge.MEASURED

    def of(model: ModelRow, row: TurnRow) -> float | None:
        cached = row.cached_tokens if spared else 0
        if row.prompt_tokens is None or row.completion_tokens is None or cached is None:
            return _seconds(row) if unit is Unit.SECONDS else None
        match unit:
            case Unit.SECONDS:
                return _seconds(row)
            case Unit.TOKENS:
                return row.prompt_tokens - cached + row.completion_tokens
            case Unit.FLOPS_PARAMS if model.params is not None:
                return params_flops(model.params, row.prompt_tokens - cached + row.completion_tokens)
            case Unit.FLOPS if row.prompt_flops is not None and row.decode_flops is not None:
                saved = row.cached_flops if spared else 0.0
                return None if saved is None else row.prompt_flops - saved + row.decode_flops
            case Unit.DOLLARS:
                return _dollars(model, row, cached, spared=spared)
            case _:
                return None

    return of


def _seconds(row: TurnRow) -> float | None:
    known = row.prompt_seconds is not None and row.decode_seconds is not None
    return (row.prompt_seconds or 0.0) + (row.decode_seconds or 0.0) if known else None


def _dollars(model: ModelRow, row: TurnRow, cached: int, *, spared: bool) -> float | None:
    costs = model.costs
    if costs.prompt_dollars is None or costs.completion_dollars is None:
        return None
    thoughts = 0 if costs.thought_dollars is None else row.thought_tokens
    if thoughts is None:
        return None
    reading = (row.prompt_tokens or 0) - cached
    paid = costs.prompt_dollars * reading + costs.completion_dollars * ((row.completion_tokens or 0) - thoughts)
    paid += (costs.prompt_dollars if costs.cached_dollars is None else costs.cached_dollars) * cached
    dearer = 0.0 if costs.cache_write_dollars is None else costs.cache_write_dollars - costs.prompt_dollars
    if spared and dearer:
        if row.cache_write_tokens is None:
            return None
        paid += dearer * row.cache_write_tokens
    return (paid + (costs.thought_dollars or 0.0) * thoughts) / 1e6


def _policies(
    model: ModelRow,
    strategy: Strategy,
    kept: Sequence[TurnRow],
    others: Sequence[tuple[ModelRow, list[TurnRow]]],
    setting: _Setting,
) -> Iterator[PolicyLine]:
    """Yield a strategy cut after each turn, and independent samples, on the problems that all of them have."""
    forest = _forest(kept)
    drafts = tries_of(model, [tree[0] for trees in forest.values() for tree in trees.values()], setting.cost)
    rivals = {other.name: tries_of(other, [row for row in rows if row.scored], setting.cost) for other, rows in others}
    if drafts is None:
        setting.notes.append(f"{model.name}: a sample's cost is not known in this unit, so nothing is set against it")
        return
    known = {name: tries for name, tries in rivals.items() if tries}
    common = [problem for problem in forest if all(problem in tries for tries in known.values())]
    if not common:
        setting.notes.append(f"{model.name}: no problem has samples of every model")
        return
    own = policy_table(drafts, common)
    base = own if setting.against is None else policy_table(known[setting.against], common)
    for turn in range(strategy.turns + 1):
        found = [
            _cut(strategy, turn, list(forest[problem].values()), partial(setting.cost, model)) for problem in common
        ]
        rates, costs = (np.array(column) for column in zip(*found, strict=True))
        name = "draft" if not turn else f"{strategy.kind}, {turn} turn{'s' * (turn > 1)}"
        yield PolicyLine(
            model=model.name, policy=name, problems=len(common), gain=gain(rates, costs, base, setting.rng)
        )
    for name, table, against in [
        (model.name, own, None if setting.against is None else base),
        *(
            (name, policy_table(tries, common), None if name == setting.against else base)
            for name, tries in known.items()
        ),
    ]:
        for at in range(table[0].shape[1]):
            if at or name != model.name:
                policy = f"up to {at + 1} samples" if at else "one sample"
                made = gain(table[0][:, at], table[1][:, at], against, setting.rng)
                yield PolicyLine(model=name, policy=policy, problems=len(common), gain=made)


def _forest(rows: Sequence[TurnRow]) -> _Forest:
    forest: _Forest = {}
    for row in rows:
        tree, place = tree_and_place(row.index)
        forest.setdefault(row.problem, {}).setdefault(tree, {})[place] = row
    return forest


def tries_of(model: ModelRow, rows: Sequence[TurnRow], cost: Cost) -> Tries | None:
    """Return independent samples as tries; None where a cost is not known. Without public tests all are accepted."""
    made: Tries = {}
    for row in rows:
        spent = cost(model, row)
        if spent is None:
            return None
        made.setdefault(row.problem, []).append(Try(row.selection in {None, Verdict.PASSED}, bool(row.passed), spent))
    return made


def policy_table(tries: Tries, problems: Sequence[str]) -> tuple[Floats, Floats]:
    """Return rates and costs of resampling, as tables of problems x tries."""
    most = min(len(tries[problem]) for problem in problems)
    made = [[resampling(tries[problem], k) for k in range(1, most + 1)] for problem in problems]
    return np.array([[rate for rate, _ in row] for row in made]), np.array([[cost for _, cost in row] for row in made])


def _cut(
    strategy: Strategy, turns: int, trees: Sequence[_Tree], cost: Callable[[TurnRow], float | None]
) -> tuple[float, float]:
    """Return how often a problem's trees, cut after so many turns, hand out a right answer, and their mean cost."""
    right, spent = 0, 0.0
    for tree in trees:
        begun = {place: row for place, row in tree.items() if row.turn <= turns}
        right += bool(begun[_answer(strategy, turns, begun)].passed)
        spent += sum(cost(row) or 0.0 for row in begun.values())
    return right / len(trees), spent / len(trees)


def _answer(strategy: Strategy, turns: int, tree: _Tree) -> int:
    """Return the place of the answer of a tree that was cut after so many turns."""
    if not turns:
        return 0
    short = replace(strategy, turns=turns)
    held = {place: None if row.selection is None else row.selection == Verdict.PASSED for place, row in tree.items()}
    state = next_in_tree(short, held, frozenset(tree))
    return max(tree) if state.answer is None else state.answer


def _trees(model: ModelRow, strategy: Strategy, kept: Sequence[TurnRow], seed: int) -> Iterator[TreeLine]:
    forest = _forest(kept)
    grown = [
        [Grown(bool(tree[0].passed), *_repairs(strategy, tree)) for tree in trees.values()] for trees in forest.values()
    ]
    rng = np.random.default_rng(seed)
    for drafts in range(1, min(map(len, grown)) + 1):
        for repairs in range(1, strategy.repairs + 1):
            rates = np.array([tree_pass(trees, drafts, repairs) for trees in grown])
            programs = drafts + float(np.mean([repairs_drawn(trees, drafts, repairs) for trees in grown]))
            yield TreeLine(
                model=model.name,
                drafts=drafts,
                repairs=repairs,
                rate=float(rates.mean()),
                interval=gain(rates, rates, None, rng).interval,
                programs=programs,
            )


def _repairs(strategy: Strategy, tree: _Tree) -> tuple[int, int]:
    """Return how many first repairs a draft has, and how many of them passed."""
    if tree[0].passed:
        return 0, 0
    made = [tree[place] for place in strategy.children(0) if place in tree]
    return len(made), sum(bool(row.passed) for row in made)


def trees_json(made: TreeReport) -> str:
    """Return the report as JSON."""
    return json.dumps(asdict(made), indent=2)


def print_trees(made: TreeReport, console: Console) -> None:
    """Print the tables."""
    console.print(
        f"{collapse(made.study)} · one answer for each problem, by the public tests · cost in {made.unit.value}"
    )
    table = Table("model", "policy", "right", "cost", "samples", "difference", box=SIMPLE_HEAD, pad_edge=False)
    for line in made.policies:
        of = line.gain
        table.add_row(
            collapse(line.model),
            line.policy,
            f"{100 * of.rate:.1f}{_around(of.interval)}",
            f"{of.cost:.4g}",
            "–" if of.other is None else f"{'≥ ' * of.ended}{100 * of.other:.1f}",
            "–"
            if of.difference is None
            else f"{'≤ ' * of.ended}{_points(of.difference):+.1f}{_around(of.difference_interval)}",
        )
    console.print(table)
    console.print(
        "right: share of problems, in percent, whose one answer the judge tests accept. samples: what independent "
        f"samples of {collapse(made.against or 'the same model')} reach at the same cost, drawn until one passes the "
        "public tests; – where one costs more, and for these samples themselves; with ≥ all that were drawn, which "
        "cost less. In brackets: 95% intervals over problems, of differences paired."
    )
    if made.trees:
        grid = Table("model", "drafts", "repairs each", "any right", "programs", box=SIMPLE_HEAD, pad_edge=False)
        for tree in made.trees:
            rate = f"{100 * tree.rate:.1f}{_around(tree.interval)}"
            grid.add_row(collapse(tree.model), str(tree.drafts), str(tree.repairs), rate, f"{tree.programs:.2f}")
        console.print(grid)
        console.print("any right: some program of whole trees, drafts among them, is right by the judge tests.")
    for note in made.notes:
        console.print(collapse(note))


def _around(interval: Interval | None) -> str:
    return "" if interval is None else f" ({_points(interval.low):.1f} to {_points(interval.high):.1f})"


def _points(share: float) -> float:
    """Return a share in percent, without the sign of a zero that rounding has left."""
    return round(100 * share, 1) + 0.0
