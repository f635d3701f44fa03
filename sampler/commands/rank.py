"""`sampler rank`: which sample to hand out when nobody may look at the judge's tests, and what that is worth."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sampler.commands.common import FILE
from sampler.entry import read_along
from sampler.exits import Exit
from sampler.models.folder import models_dir
from sampler.rankers.names import RANKERS, Need, known
from sampler.ranking.render import print_ranks, ranks_json
from sampler.ranking.study import rank_study
from sampler.ranking.wish import Inputs, RankReport, RankWish
from sampler.reporting.render import Page
from sampler.running.doors import rank_doors
from sampler.stats.budget import PromptCharge
from sampler.stats.ranking import DRAWS
from sampler.store.opening import chosen_study
from sampler.store.reader import Reader, StoreError
from sampler.store.rows import StudyRow
from sampler.store.writer import Store
from sampler.telling import told


class _Numbers(click.ParamType[tuple[int, ...]]):
    """Whole numbers of at least 1, with commas between them."""

    name = "1,2,10"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        words = str(value).split(",")
        if not all(word.strip().isascii() and word.strip().isdecimal() and int(word) for word in words):
            self.fail(f"{value!r} is not a list such as 1,2,10", param, ctx)
        return tuple(map(int, words))


@click.command()
@click.argument("store", type=FILE)
@click.option("--study", help="Which study of the store; default: the newest.")
@click.option(
    "--ranker", "rankers", multiple=True, metavar="NAME",
    help=f"May be repeated: {', '.join(RANKERS)}. Default: all that need the samples alone.",
)  # fmt: skip
@click.option(
    "--k", "ks", type=_Numbers(), default=(), help="Of how many samples one is chosen. Default: some that suit."
)
@click.option(
    "--with",
    "model",
    metavar="MODEL",
    help="Ask this model, of the catalogue or a .gguf, how probable it finds the texts.",
)
@click.option("--tests", type=FILE, help='Generated tests: lines of {"task_id": …, "tests": ["assert …", …]}.')
@click.option("--scores", type=FILE, help='Scores for "external": lines of {"task_id": …, "index": …, "score": …}.')
@click.option(
    "--inputs", type=click.Choice([one.value for one in Inputs]), default=Inputs.JUDGE.value,
    help="On which tests' inputs majority and mbr-exec compare programs, without --tests.",
)  # fmt: skip
@click.option("--charge", is_flag=True, help="Let the costs of k samples contain that of ranking them.")
@click.option(
    "--prompt", type=click.Choice([charge.value for charge in PromptCharge]), default=PromptCharge.EACH.value,
    help="Who pays for reading the prompt: each sample, or the first of a problem.",
)  # fmt: skip
@click.option(
    "--draws", type=click.IntRange(min=2), default=DRAWS, show_default=True, help="Subsets, where samples vote."
)
@click.option("--boxes", type=click.IntRange(min=1), help="How many sandboxes work at once.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def rank(
    traceback: bool,
    /,
    *,
    store: Path,
    study: str | None,
    rankers: tuple[str, ...],
    ks: tuple[int, ...],
    model: str | None,
    tests: Path | None,
    scores: Path | None,
    inputs: str,
    charge: bool,
    prompt: str,
    draws: int,
    boxes: int | None,
    as_json: bool,
) -> None:
    """Rank the samples of a STORE, keep what rankers think of each, and print what their choice is worth.

    \b
    sampler rank results.db
    sampler rank results.db --ranker mean-logprob --with qwen2.5-coder-1.5b-instruct --charge
    sampler rank results.db --ranker codet --ranker majority --tests generated.jsonl --k 1,2,10
    """  # noqa: D301
    with told(sys.stderr, traceback=traceback) as failed:
        wish = RankWish(
            rankers=known(rankers) or _usual(model),
            explicit=bool(rankers or model),
            ks=ks,
            model=model,
            tests=tests,
            scores=scores,
            inputs=Inputs(inputs),
            charge=charge,
            prompt=PromptCharge(prompt),
            draws=draws,
        )
        made = _ranked(store, study, wish, boxes)
        with read_along(sys.stdout):
            if as_json:
                click.echo(ranks_json(made))
            else:
                print_ranks(made, Page(file=sys.stdout))
        sys.exit(Exit.OK if made.models else Exit.EMPTY)
    sys.exit(failed[0])


def _usual(model: str | None) -> tuple[str, ...]:
    if model is not None:
        return tuple(name for name, need in RANKERS.items() if need is Need.LOGPROBS)
    return tuple(name for name, need in RANKERS.items() if need in {Need.SAMPLES, Need.LOGPROBS})


def _ranked(path: Path, name: str | None, wish: RankWish, boxes: int | None) -> RankReport:
    if not path.is_file():
        raise StoreError(f"there is no store at {str(path)!r}; `sampler run STUDY.toml` or `sampler import` makes one")
    with Reader(path) as reader:
        study: StudyRow = chosen_study(reader.studies(), path, name)
    doors = rank_doors(models_dir(), boxes, lambda message: click.echo(message, err=True))
    with Store(path) as opened:
        return rank_study(opened, study, wish, doors)
