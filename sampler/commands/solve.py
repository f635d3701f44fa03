"""Answer problems within a budget: `sampler solve`, once or as a server."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from math import inf
from pathlib import Path

import click

from sampler.cli_errors import error_boundary
from sampler.commands.common import FILE, Amount, boxes_option, counted_in, json_option
from sampler.exit_codes import Exit, allow_closed_pipe
from sampler.models.pull import models_dir
from sampler.reporting.render import collapse
from sampler.running.dependencies import real_dependencies, secret
from sampler.running.headless import interrupts
from sampler.solving.endpoint import Endpoint, Rejected, solution_fields
from sampler.solving.policy import ModelEstimate, NoPolicy, best_stage, read_estimates, stages_of
from sampler.solving.problem import read_problem_input, read_problem_text
from sampler.solving.solver import UNITS, Budget, Solution, Solver
from sampler.stats.budget import TypedBudget, Unit
from sampler.study.spec import Study, load_study
from sandbox.problems import Problem
from sandbox.values import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveOptions:
    """What the command line says, besides the problem."""

    study: Path
    models: tuple[str, ...]
    best: Path | None
    store: Path | None
    unit: str
    budget: TypedBudget | None
    boxes: int | None
    seed: int


@click.command()
@click.argument("problem", required=False)
@click.option("--study", type=FILE, required=True, help="The study file whose models answer.")
@click.option(
    "--model",
    "models",
    multiple=True,
    metavar="MODEL[:SAMPLES]",
    help="Use this model; several are a cascade, in this order. Default: the study's first model.",
)
@click.option(
    "--best",
    type=FILE,
    metavar="STORE",
    help="Use the model that is best within the budget by the samples of this STORE.",
)
@click.option("--store", type=FILE, help="The store of the study, from which is said how sure an answer is.")
@click.option(
    "--budget",
    type=Amount(),
    help="Begin no sample once this much is spent on a problem, such as 2000, 5TFLOP or $0.02.",
)
@click.option(
    "--unit",
    type=click.Choice([unit.value for unit in UNITS]),
    default=Unit.TOKENS.value,
    show_default=True,
    help="What the budget is counted in.",
)
@click.option(
    "--total", type=Amount(), help="A budget for all problems of a file together; it goes where it solves most."
)
@click.option("--tests", type=FILE, help="A file of asserts, as further public tests.")
@click.option("--entry", help="The name of the function to write, if the problem does not begin it.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The seed of the samples.")
@boxes_option
@click.option("--check", is_flag=True, help="Count also the answers that pass the hidden tests of a data set.")
@click.option(
    "--serve", is_flag=True, help="Serve an OpenAI-compatible endpoint that answers problems, until it is stopped."
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address that --serve listens on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8090,
    show_default=True,
    help="Port that --serve listens on; 0 takes any free one.",
)
@click.option(
    "--api-key-env", metavar="NAME", help="The environment variable with the key that clients of --serve must send."
)
@json_option
@click.pass_obj
def solve(
    traceback: bool,
    /,
    *,
    problem: str | None,
    tests: Path | None,
    entry: str | None,
    total: TypedBudget | None,
    check: bool,
    serve: bool,
    host: str,
    port: int,
    api_key_env: str | None,
    as_json: bool,
    **said: object,
) -> None:
    """Answer a PROBLEM: sample, test, stop at the first pass.

    PROBLEM is a file, or - for standard input. It is a text that holds the beginning of a function, and examples or
    asserts, or it is a file of a data set (on standard input: rows as JSON). Each sample is run with the public tests
    of the problem. The answer goes to standard output; what it cost and how sure it is go to standard error. If no
    sample passes, the last one is printed and the exit code is 1.

    \b
    sampler solve task.md --study study.toml --budget 2000
    sampler solve task.md --study study.toml --best study.db --budget 5TFLOP
    sampler solve - --study study.toml --model small:4 --model large:1 --tests asserts.py
    sampler solve --serve --study study.toml --store study.db --budget 4000
    """
    options = SolveOptions(**said)  # type: ignore[arg-type]  # click gives each option under its name
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        if serve == (problem is not None):
            raise click.UsageError("give a PROBLEM, or --serve and none")
        study = load_study(options.study)
        unit = counted_in(options.unit, [one for one in (options.budget, total) if one], offered=UNITS)
        budget = Budget(unit=unit, amount=options.budget.amount if options.budget else inf)
        given = "" if tests is None else tests.read_text(encoding="utf-8")
        asked = [] if problem is None else _read_problems(problem, given, entry)
        with _solver(study, options, budget) as solver:
            if serve:
                key = None if api_key_env is None else _key(api_key_env)
                sys.exit(_serve(solver, (host, port), budget, options.seed, key))
            if total is None:
                solved = _solve_each(solver, asked, budget, options.seed, as_json=as_json)
            else:
                shared = replace(budget, amount=total.amount)
                solved = _solve_together(solver, asked, shared, options.seed, as_json=as_json)
            right = _checked(solver, asked, solved) if check else None
        _summarize(solved, right, solver.estimates)
        sys.exit(Exit.OK if all(one.answer.passed is not False for one in solved) else Exit.GATE)
    sys.exit(failed[0])


def _solve_each(
    solver: Solver, asked: Sequence[Problem], budget: Budget, seed: int, *, as_json: bool
) -> list[Solution]:
    """Solve each problem with a budget of its own, and print its answer as soon as it is there."""
    return [_tell(solver.solve(one, budget, seed), alone=len(asked) == 1, as_json=as_json) for one in asked]


def _solve_together(
    solver: Solver, asked: Sequence[Problem], budget: Budget, seed: int, *, as_json: bool
) -> list[Solution]:
    """Spend one budget on all problems, print the answers, and say how many problems got no sample."""
    solved = [_tell(one, alone=False, as_json=as_json) for one in solver.solve_together(asked, budget, seed)]
    _say(f"{len(asked) - len(solved)} problems got no sample")
    return solved


def _read_problems(problem: str, tests: str, entry: str | None) -> list[Problem]:
    if problem == "-":
        return read_problem_input(sys.stdin.read(), tests, entry)
    return read_problem_text(Path(problem), tests, entry)


def _key(name: str) -> str:
    key = (secret(name) or "").strip()
    if not key:
        raise NoPolicy(f"the environment has no variable {name}, which is to hold the key; export {name}=…")
    return key


@contextmanager
def _solver(study: Study, options: SolveOptions, budget: Budget) -> Iterator[Solver]:
    """Open boxes, and the policy that the options ask for."""
    store = options.best or options.store
    limit = options.budget.amount if options.budget else None
    estimates = {} if store is None else read_estimates(store, None, budget.unit, limit)
    if options.best is not None:
        if options.models:
            raise click.UsageError("--best chooses the model; take --model out")
        stages = [best_stage(study.models, estimates)]
    else:
        stages = stages_of(study.models, options.models)
    dependencies = real_dependencies(models_dir(), _say, waits=False)  # its engines stay open
    for stage in stages:
        dependencies.check(stage.model, _say)
    study = replace(study, boxes=options.boxes or study.boxes)
    with (
        dependencies.executor(study) as executor,
        Solver(
            stages=stages,
            open_backend=lambda model: dependencies.backend(model, _say),
            executor=executor,
            limits=study.limits,
            estimates=estimates,
        ) as solver,
    ):
        yield solver


def _say(message: str) -> None:
    click.echo(collapse(message), err=True)


def _tell(one: Solution, *, alone: bool, as_json: bool) -> Solution:
    """Print an answer, and on standard error what it cost."""
    with allow_closed_pipe(sys.stdout):
        if as_json:
            said = solution_fields(one) | {
                "answer": one.answer.program,
                "tried": [asdict(each) for each in one.attempts],
            }
            click.echo(json.dumps(said))
        elif alone:
            click.echo(one.answer.program.rstrip())
    _say(_line(one))
    return one


def _line(solution: Solution) -> str:
    answer = solution.answer
    how = {True: "passes its public tests", False: "passes not all public tests", None: "has no public tests"}
    tries = len(solution.attempts)
    sure = "how sure is not known (give the study's store)"
    if solution.sure is not None and (interval := solution.sure.interval) is not None:
        sure = (
            f"{100 * (solution.sure.share or 0):.0f} % sure ({100 * interval.low:.0f} to {100 * interval.high:.0f}: of "
            f"{solution.sure.answers} such answers in the study)"
        )
    spent = f"{solution.cost:.4g} {solution.unit.value}"
    return f"{solution.problem}: {how[answer.passed]} · {answer.model}, {tries} tried · {spent} · {sure}"


def _checked(solver: Solver, asked: Sequence[Problem], solved: Sequence[Solution]) -> int:
    """Return how many answers the problems' hidden tests accept; nothing that was handed out changes by it."""
    by_name = {problem.name: problem for problem in asked}
    programs = [by_name[one.problem].solve(one.answer.program) for one in solved]
    return sum(solver.executor.submit(program).result().verdict == Verdict.PASSED for program in programs)


def _summarize(solved: Sequence[Solution], right: int | None, estimates: dict[str, ModelEstimate]) -> None:
    if len(solved) < 2:
        return
    passed = sum(one.answer.passed is True for one in solved)
    cost = sum(one.cost for one in solved) / len(solved)
    hidden = "" if right is None else f", {right} are right by the hidden tests ({100 * right / len(solved):.1f} %)"
    spent = f"{cost:.4g} {solved[0].unit.value} a problem"
    _say(f"{passed} of {len(solved)} answers pass their public tests{hidden}; {spent}")
    for name in sorted({attempt.model for one in solved for attempt in one.attempts} & set(estimates)):
        estimate = estimates[name]
        if estimate.rate is not None and estimate.cost is not None:
            more = f" (at least: in {100 * estimate.ran_out:.0f} % its samples ran out)" if estimate.ran_out else ""
            _say(
                f"the study promised of {name}: {100 * estimate.rate:.1f} % right at {estimate.cost:.4g} "
                f"{solved[0].unit.value} a problem, over {estimate.problems} problems{more}"
            )


def _serve(solver: Solver, address: tuple[str, int], budget: Budget, seed: int, key: str | None) -> int:
    try:
        server = Endpoint(address, lambda problem: solver.solve(problem, budget, seed), key)
    except Rejected as error:
        raise NoPolicy(str(error)) from error
    except OSError as error:
        raise NoPolicy(f"cannot listen on {address[0]}:{address[1]}: {error}; take another --port") from error
    host, port = server.server_address[:2]
    _say(f"serving http://{host!s}:{port}/v1, model codebudget; stop with ctrl-C")
    with server, interrupts(lambda: threading.Thread(target=server.shutdown).start(), lambda _event: None):
        server.serve_forever(poll_interval=0.2)
    return Exit.OK
