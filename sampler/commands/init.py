"""`sampler init`: a study file to start from."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from sampler.cli_errors import error_boundary
from sampler.commands.common import FILE
from sampler.exit_codes import Exit
from sampler.study.toml_table import SpecError

START = """\
# A study: language models, problems, and budgets to compare the models at. `sampler run {file}` runs it; if killed,
# the same command goes on. docs/study.md explains every key; an unknown one is an error that names the nearest.
name = "{name}"
seed = 0 # each sample's own seed follows from it
# store = "{name}.db" # where samples and verdicts go

[problems]
source = "humaneval" # or a file: "mbpp.jsonl", "HumanEvalPlus.jsonl.gz", a directory of APPS, or a list of them
every = 8 # every 8th problem: 21 of 164; without this line, all of them
# limit = 20 # no more than so many
# split = "test" # of MBPP; or by number: numbers = "11-510"; or by name: names = ["HumanEval/0"]

[sampling] # for all models; a model may say otherwise under the same keys
style = "completion" # the prompt is continued; "chat" asks in words, for models that were tuned to answer
temperature = 0.8
top_p = 0.95
max_tokens = 256
# stop = ["\\ndef "] # instead of the style's own stop strings
# shots = ["MBPP/2", "MBPP/3", "MBPP/4"] # solved problems to show first
# shots_from = "other.jsonl" # where they are, if elsewhere

[[models]]
name = "qwen2.5-coder-0.5b-instruct" # `sampler models list` shows which are known; `sampler run --pull` fetches them
backend = "llamacpp" # on the processor, no GPU needed
samples = 8 # of each problem
greedy = true # and one at temperature 0, reported as a point of its own
# model = "weights/my-model.gguf" # what to open, if it is not what the name says
# [models.options]
# slots = 16 # samples that are written at once
# context = 16384 # tokens over all of them
# [models.costs] # what is not measured: prices for a million tokens, or a table's cost of one sample
# prompt_dollars = 0.1
# completion_dollars = 0.4
# table_flops = 1.69e12

[[models]]
name = "qwen2.5-coder-1.5b-instruct"
backend = "llamacpp"
samples = 3 # the larger a model, the fewer its samples: what counts is what each budget buys
greedy = true

# [[models]] # samples that were drawn elsewhere
# name = "recorded"
# backend = "replay"
# file = "samples.jsonl.gz"
# samples = 10

[sandbox] # where programs are executed
# boxes = 2 # at once; without this line, one for each core
cpu_s = 3.0
wall_s = 10.0
memory_mb = 512
# packages = ["numpy"] # that programs may import

# [report.budgets] # without this, they are chosen from what the samples cost
# flops = [6e11, 1.2e12]
# seconds = [10, 60]
"""


def start_study(path: Path) -> None:
    """Write a study file to start from; raises SpecError rather than touch a file that is there."""
    name = path.stem
    text = START.format(file=path.name, name=name)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise SpecError(f"{str(path)!r} is there already and stays as it is; give another name") from error
    except OSError as error:
        raise SpecError(
            f"cannot write {str(path)!r}: {error.strerror or error}; choose a folder that is there"
        ) from error


@click.command()
@click.argument("file", type=FILE, default=Path("study.toml"))
@click.pass_obj
def init(traceback: bool, /, *, file: Path) -> None:
    """Write a study file to start from, with every key explained.

    It is written to FILE, or to study.toml. A file that is there stays as it is.

    \b
    sampler init
    sampler init mine.toml && sampler run --pull mine.toml
    """
    with error_boundary(sys.stderr, traceback=traceback) as failed:
        start_study(file)
        click.echo(f"wrote {file}; `sampler run --pull {file}` runs it")
        sys.exit(Exit.OK)
    sys.exit(failed[0])
