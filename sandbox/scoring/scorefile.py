"""Score a file of samples: each distinct program once, with one JSON line per result, in a file that can be continued.

A line of the output names the sample's line and the digest of its program. When the same command runs again, existing
lines that still fit are kept; a last line that was cut off by a crash is removed. Each line carries the facts that its
verdict was made from, or `same_as`: the line of an equal program that has them. So the verdict can be made again
without a box (`rejudged`), after a change of the judge or of the expected answers.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import math
import os
import queue
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError, Future
from pathlib import Path
from typing import Any, Protocol, TextIO

from sandbox.errors import SandboxError
from sandbox.judging.explaining import explain
from sandbox.judging.judge import JUDGE_VERSION
from sandbox.judging.score_records import Facts, FactsError, NotEnough, Unreadable, packed, rejudge, unpack
from sandbox.problems import ChosenTests, Problem, ProblemsError, find_problem
from sandbox.problems.json_fields import not_json
from sandbox.scoring.references import References
from sandbox.scoring.samples import FiledSample, SamplesError, lines_of
from sandbox.values import Assumptions, Limits, Program, Score, Verdict

WINDOW, WINDOW_PER_BOX = 64, 16
_BEGINNING = b'{"task_id": '
Row = dict[str, Any]


class ScorerLike(Protocol):
    """What scores: a `Scorer` on this machine, or a pool of many machines."""

    @property
    def boxes(self) -> int:
        """Return how many programs may run at a time."""

    def limits_for(self, assumptions: Assumptions) -> Limits:
        """Return the limits of a program whose data set has these assumptions."""

    def submit(self, program: Program) -> Future[Score]:
        """Submit a program; return a future of its score."""


def score_samples(samples: Iterable[FiledSample], scorer: ScorerLike) -> Iterator[Row]:
    """Yield one row for each sample, as the verdicts come.

    A sample that could not be judged has verdict None and the reason. Identical programs run once. At most `WINDOW`
    programs are requested at a time, or more where there are many boxes.
    """
    judged: dict[str, Row] = {}
    waiting: dict[str, list[FiledSample]] = {}
    finished: queue.SimpleQueue[tuple[FiledSample, Future[Score]]] = queue.SimpleQueue()

    def take() -> Iterator[Row]:
        asked, future = finished.get()
        digest, row = asked.digest, _judged(future, asked, scorer.limits_for(asked.program.assumptions))
        first, *others = waiting.pop(digest)
        yield _row(first, row)
        judged[digest] = {name: value for name, value in row.items() if name != "facts"} | {"same_as": first.line}
        yield from (_row(sample, judged[digest]) for sample in others)

    for sample in samples:
        if sample.digest in judged:
            yield _row(sample, judged[sample.digest])
        elif sample.digest in waiting:
            waiting[sample.digest].append(sample)
        else:
            waiting[sample.digest] = [sample]
            _ask(sample, scorer, finished)
        while len(waiting) >= max(WINDOW, WINDOW_PER_BOX * scorer.boxes):
            yield from take()
    while waiting:
        yield from take()


def _ask(
    sample: FiledSample, scorer: ScorerLike, finished: queue.SimpleQueue[tuple[FiledSample, Future[Score]]]
) -> None:
    scorer.submit(sample.program).add_done_callback(lambda future: finished.put((sample, future)))


def _row(sample: FiledSample, judged: Row) -> Row:
    where = {"task_id": sample.problem, "line": sample.line, "digest": sample.digest}
    return where | ({} if sample.extraction is None else {"extraction": sample.extraction}) | judged


def _judged(future: Future[Score], sample: FiledSample, limits: Limits) -> Row:
    try:
        scored = future.result()
        row = score_fields(scored, sample.program, limits)
        facts = packed(scored, limits)
        return row | {"tests": sample.wanted, "facts": facts and base64.b64encode(facts).decode("ascii")}
    except (SandboxError, CancelledError) as error:
        return {"verdict": None, "passed": None, "unscored": str(error)}
    except Exception as error:  # noqa: BLE001  (a bug of ours must cost one row, and say so)
        return {"verdict": None, "passed": None, "unscored": f"a bug of ours: {type(error).__name__}: {error}"}


def score_fields(scored: Score, program: Program, limits: Limits) -> Row:
    """Return a score as the fields of a row."""
    run = scored.run
    row = {
        "verdict": scored.verdict,
        "passed": scored.verdict is Verdict.PASSED,
        "explanation": explain(scored, limits, program),
        "cpu_s": round(run.cpu_s, 4),
        "wall_s": round(run.wall_s, 4),
        "memory_mb": round(run.memory_mb, 1),
        "memory_source": run.memory_source,
        "error": f"{scored.raised.type}: {scored.raised.message}"[:500] if scored.raised else None,
        "flags": sorted(scored.flags),
        "judge": JUDGE_VERSION,
    }
    return row if scored.selection is None else row | {"selection": scored.selection.verdict}


def read_rows(path: Path) -> Iterator[Row]:
    """Read the rows of an output; raises SamplesError if it is no output of ours."""
    for number, line in lines_of(path):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise SamplesError(f"{path}, line {number}: {not_json(line, error)}") from error
        if not _is_ours(row):
            raise SamplesError(f"{path}, line {number}: no row that `sandbox score` wrote")
        yield row


def _is_ours(row: object) -> bool:
    """Return whether a value has the fields of a row, with the types that a row has."""
    if not isinstance(row, dict) or not {"digest", "verdict"} <= row.keys():
        return False
    texts = [row.get("task_id"), "" if row["verdict"] is None else row["verdict"], row.get("explanation", "")]
    numbers = [row.get("line"), row.get("same_as", 0)]
    return all(type(text) is str for text in texts) and all(type(number) is int for number in numbers)


def read_kept(path: Path) -> dict[int, Row]:
    """Read the rows of an output that was begun before, by their sample's line.

    Removes an incomplete last line and drops unscored rows. If the file is no output of ours, it is not changed; raises
    SamplesError.
    """
    if not path.is_file():
        return {}
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    tail = data[len(whole) :]
    try:
        rows = [json.loads(line) for line in whole.splitlines()]
        if not all(map(_is_ours, rows)):
            raise ValueError("a line is no row")  # reported below, like what json raises
        kept = {row["line"]: row for row in rows if row["verdict"] is not None}
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SamplesError(
            f"{path} exists and is no output of `sandbox score` ({error}); name another --out"
        ) from error
    if tail[: len(_BEGINNING)] != _BEGINNING[: len(tail)]:
        raise SamplesError(f"{path} exists and is no output of `sandbox score`; name another --out")
    if len(kept) < len(rows):
        write_rows(kept.values(), path)
    elif tail:
        os.truncate(path, len(whole))
    return kept


def still_to_score(samples: Iterable[FiledSample], kept: Mapping[int, Row], out: Path) -> list[FiledSample]:
    """Return the samples whose line is not in the output yet; raises SamplesError if the output is of other samples."""
    asked = {sample.line: sample for sample in samples}
    for line, row in kept.items():
        if line not in asked or row["digest"] != asked[line].digest:
            raise SamplesError(
                f"{out} holds results of other samples, limits or options (line {line}); name another --out"
            )
    return [sample for line, sample in asked.items() if line not in kept]


@contextlib.contextmanager
def continued(path: Path) -> Iterator[tuple[TextIO, dict[int, Row]]]:
    """Open the output for this process alone, with its rows; raises SamplesError if another process writes it."""
    with path.open("a", encoding="utf-8") as found:
        _lock(found, path)
        kept = read_kept(path)
        with path.open("a", encoding="utf-8") as file:  # read_kept may have put another file in its place
            if not os.path.samestat(os.fstat(found.fileno()), os.fstat(file.fileno())):
                _lock(file, path)
            yield file, kept


def _lock(file: TextIO, path: Path) -> None:
    try:
        if path.is_file():
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise SamplesError(f"another `sandbox score` is writing {path}; wait for it, or name another --out") from None


def write_rows(rows: Iterable[Row], path: Path | None) -> None:
    """Replace the rows of a file, all at once or not at all; None is the standard output."""
    if path is None:
        sys.stdout.writelines(_line(row) for row in rows)
        return
    fresh = path.with_name(path.name + ".tmp")
    with fresh.open("w", encoding="utf-8") as file:
        file.writelines(_line(row) for row in rows)
    fresh.replace(path)


def write_row(row: Row, file: TextIO) -> None:
    """Write a row and flush it, so that a killed process does not lose it."""
    file.write(_line(row))
    file.flush()


def _line(row: Row) -> str:
    return json.dumps(row) + "\n"


class Summary:
    """Counts rows, and computes pass@k from the counts."""

    def __init__(self) -> None:
        self.verdicts: Counter[str] = Counter()
        self.unscored = 0
        self.selected = self.selected_right = 0  # samples that pass the selection tests, and the judge's, too
        self._tested: defaultdict[str, int] = defaultdict(int)
        self._passed: defaultdict[str, int] = defaultdict(int)

    def add(self, row: Row) -> None:
        """Count one row."""
        if row["verdict"] is None:
            self.unscored += 1
            return
        self.verdicts[row["verdict"]] += 1
        self._tested[row["task_id"]] += 1
        self._passed[row["task_id"]] += bool(row.get("passed"))
        if row.get("selection") == Verdict.PASSED:
            self.selected += 1
            self.selected_right += bool(row.get("passed"))

    @property
    def problems(self) -> int:
        """Return the number of problems with at least one verdict."""
        return len(self._tested)

    @property
    def fewest(self) -> int:
        """Return the smallest number of samples among the problems with a verdict."""
        return min(self._tested.values(), default=0)

    @property
    def most(self) -> int:
        """Return the largest number of samples that a problem has."""
        return max(self._tested.values(), default=0)

    def without_sample(self, problems: Iterable[str]) -> list[str]:
        """Return those of the given problems that have no verdict."""
        return [name for name in problems if name not in self._tested]

    def pass_at(self, ks: Sequence[int] = ()) -> dict[int, float]:
        """Return pass@k (Chen et al. 2021, eq. 1) for each k that every problem has samples for.

        The candidates are the given values of k, or 1, 10, 100, ….
        """
        chosen = [k for k in ks or [10**power for power in range(6)] if k <= self.fewest]
        return {k: math.fsum(self._one(name, k) for name in self._tested) / self.problems for k in chosen}

    def _one(self, name: str, k: int) -> float:
        n, c = self._tested[name], self._passed[name]
        return 1 - math.comb(n - c, k) / math.comb(n, k)


Rejudged = tuple[Row, Row, str]  # a row as it was and as it is, and why its facts cannot be read ("" if they can)


class Changes:
    """Counts how verdicts have changed."""

    def __init__(self) -> None:
        self.moved: Counter[tuple[str, str]] = Counter()
        self.without_facts = 0
        self.unreadable: list[str] = []  # rows whose facts cannot be read, and why

    def counted(self, rows: Iterable[Rejudged]) -> Iterator[Row]:
        """Yield the new rows and count their changes."""
        for old, new, unreadable in rows:
            self.without_facts += not old.get("facts") and "same_as" not in old
            if unreadable:
                self.unreadable.append(f"line {old['line']} ({old['task_id']}): {unreadable}")
            if old["verdict"] != new["verdict"]:
                self.moved[str(old["verdict"]), str(new["verdict"])] += 1
            yield new


def rejudged(rows: Iterable[Row], problems: Mapping[str, Problem], references: References) -> Iterator[Rejudged]:
    """Yield each row together with the row that today's judge makes from its facts.

    A row without facts, or with facts that cannot be read, stays as it is. A row whose facts are not enough has no
    verdict afterwards. Raises SamplesError naming the line and what is wrong, or ReferenceFailed.
    """
    anew: dict[int, Row] = {}
    for row in rows:
        try:
            fresh = _rejudge_row(row, problems, references) if row.get("facts") else anew.get(row.get("same_as", 0))
        except Unreadable as error:
            yield row, row, str(error)
            continue
        except NotEnough as error:
            fresh = {"verdict": None, "passed": None, "unscored": str(error)}
        except (FactsError, ProblemsError) as error:
            raise SamplesError(f"the row of line {row['line']}: {error}") from error
        if row.get("facts") and fresh is not None:
            anew[row["line"]] = fresh
        yield row, (row if fresh is None else row | fresh), ""


def _rejudge_row(row: Row, problems: Mapping[str, Problem], references: References) -> Row:
    problem = find_problem(problems, row["task_id"])
    if problem is None:
        raise SamplesError(f"no problem is called {row['task_id']!r}; do --problems and the file belong together?")
    facts, wanted = _read_facts(row)
    tests, selection = problem.tests_for(wanted)
    tests, selection = references.without_box(tests), selection and references.without_box(selection)
    program = Program(source="", tests=tests, selection=selection)
    return score_fields(rejudge(facts, tests, selection), program, facts.limits)


def _read_facts(row: Row) -> tuple[Facts, ChosenTests]:
    """Return the facts of a row, and which tests it was asked; raises Unreadable."""
    try:
        return unpack(base64.b64decode(row["facts"], validate=True)), ChosenTests(row["tests"])
    except Unreadable:
        raise
    except (ValueError, TypeError, KeyError) as error:
        raise Unreadable(f"no facts of ours: {error}") from error
