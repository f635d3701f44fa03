"""Run a study of thoughts on a real server; print which fields arrive, and what each row costs, also summed by hand.

    python tests/bench/thinking_server.py --start llamacpp --model MODEL.gguf
    python tests/bench/thinking_server.py --start vllm --model MODEL [--vllm PYTHON] [--engine "--max-num-seqs 8"]
    python tests/bench/thinking_server.py --start stub
    python tests/bench/thinking_server.py --url http://127.0.0.1:8000/v1 --model NAME [--key FIELD] [--api-key-env NAME]

`--start` runs the server on loopback as long as the study takes: llama.cpp's (xllamacpp, with the template of
`tests/common/llama_thinker.py`, so that any model has thoughts), vLLM's (its build for CPUs will do; also with that
template), or a strict stub of OpenAI's rules. A server of your own is given by its address; vLLM is to be started with
`--reasoning-parser` and `--enable-prompt-tokens-details`. A Docker engine executes the programs.

Each row of the study asks for thoughts in another way: as the model does it, bounded, ended by the model itself (a bias
makes the closing mark likely, where it is one token), at an effort, switched off, and cut. Dollars, tokens and FLOPs
of a row are what the report says ("measured", so without what the cache saved), and beside them the sum over its
samples from their counts alone. The exit code is 1 if two of them differ, or a count is missing.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import requests

sys.path.insert(0, str(Path(__file__).parents[1] / "common"))
import llama_thinker
from openai_stub import Thinker, openai_rules

from sampler.backends.base import BackendError
from sampler.exit_codes import CommandError
from sampler.models.pull import models_dir
from sampler.reporting.unit_costs import unit_cost
from sampler.running.dependencies import real_dependencies
from sampler.running.headless import run_study
from sampler.running.progress import Notice
from sampler.stats.budget import PromptCharge, Unit
from sampler.store.read_models import ExportRow
from sampler.store.reader import Reader
from sampler.store.sample_readers import ExportReader
from sampler.study.spec import load_study

PROBLEMS, SAMPLES = 3, 2
BOUND, ANSWER = 32, 48  # tokens
PRICES = {"prompt": 1.25, "cached": 0.125, "completion": 10.0, "thought": 5.0}
SHAPE = {"layers": 4, "hidden": 256, "attention_width": 256, "matmul_params": 2_000_000, "unembed_params": 500_000}
STUDY = f"""
[problems]
source = "humaneval"
limit = {PROBLEMS}
[sandbox]
boxes = 1
[sampling]
style = "chat"
max_tokens = {ANSWER}
"""
MODEL = """
[[models]]
name = {name}
model = {model}
backend = "openai"
samples = {samples}
thinking = true
{row}
[models.options]
base_url = {url}
concurrency = 1
attempts = 2
{options}
[models.costs]
prompt_dollars = {prices[prompt]}
cached_dollars = {prices[cached]}
completion_dollars = {prices[completion]}
thought_dollars = {prices[thought]}
[models.architecture]
{shape}
"""
BOUNDED = f"max_thinking_tokens = {BOUND}"
OFF = "request = {chat_template_kwargs = {enable_thinking = false}}"
ROWS = {"as it is": "", "bounded": BOUNDED, "effort low": 'effort = "low"', "off": OFF, "cut": "max_tokens = 8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server that answers: its address, its model, the options of its rows, and the rows."""

    url: str
    model: str
    options: str = ""
    rows: dict[str, str]


def main() -> None:
    """Start or take a server, run the study, print the table."""
    given = arguments()
    try:
        with ExitStack() as stack:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            served = stack.enter_context(server(given, folder))
            store, whole = run(served, folder)
            alike = tell(store)
    except CommandError as error:
        sys.exit(f"thinking_server: {error}")
    if not whole:
        sys.exit("thinking_server: not every row came")
    sys.exit(None if alike else "thinking_server: a cost differs from its sum by hand, or is not known")


@contextmanager
def server(given: argparse.Namespace, folder: Path) -> Iterator[Served]:
    """Start the server that was asked for, or take the one that runs."""
    key = f"thinking_tokens_key = {json.dumps(given.key)}\n"
    if given.api_key_env:
        key += f"api_key_env = {json.dumps(given.api_key_env)}\n"
    match given.start:
        case None:
            if not answers(f"{given.url}/models"):
                sys.exit(f"thinking_server: no server answers at {given.url}; start one, or let --start do it")
            yield Served(url=given.url, model=given.model, options=key, rows=ROWS)
        case "stub":
            with stub() as url:
                options = 'dialect = "hosted"\nlogprobs = false\nmax_tokens_key = "max_completion_tokens"\n'
                omit = 'omit = ["temperature", "top_p"]\n'
                rows = {
                    "as it is": omit,
                    "effort low": f'{omit}effort = "low"',
                    "effort high": f'{omit}effort = "high"',
                }
                yield Served(url=url, model="tiny", options=options, rows=rows)
        case "llamacpp":
            with subprocess.Popen(
                [sys.executable, llama_thinker.__file__, given.model], stdin=subprocess.PIPE, stdout=subprocess.PIPE
            ) as process:
                assert process.stdin is not None
                assert process.stdout is not None
                address = process.stdout.readline().decode().strip()
                if not address:
                    sys.exit(f"thinking_server: llama.cpp's server did not load {given.model}; is it a GGUF file?")
                options = 'thinking_tokens_key = "reasoning_budget_tokens"\n'
                yield Served(
                    url=f"{address}/v1", model=given.model, options=options, rows=ROWS | biased(address, "content")
                )
                process.stdin.close()
        case "vllm":
            with vllm(given, folder) as address:
                yield Served(url=f"{address}/v1", model=given.model, options=key, rows=ROWS | biased(address, "prompt"))


@contextmanager
def stub() -> Iterator[str]:
    """Run the strict stub of OpenAI's rules; yield its address."""
    opened = Thinker(openai_rules)
    threading.Thread(target=opened.serve_forever, daemon=True).start()
    yield opened.url
    opened.shutdown()
    opened.server_close()


@contextmanager
def vllm(given: argparse.Namespace, folder: Path) -> Iterator[str]:
    """Run vLLM's server until the body ends; yield its address."""
    template = folder / "template.jinja"
    template.write_text(llama_thinker.TEMPLATE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    # Not by the program `vllm`: it asks for the version of a package of that name, and the build for CPUs has another.
    command = [given.vllm, "-m", "vllm.entrypoints.openai.api_server", "--model", given.model]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    command += ["--reasoning-parser", given.parser, "--enable-prompt-tokens-details", "--chat-template", str(template)]
    log = folder / "vllm.log"
    try:
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*command, *shlex.split(given.engine)], stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )
    except OSError as error:
        sys.exit(f"thinking_server: cannot start {given.vllm}: {error.strerror}; name vLLM's Python by --vllm")
    try:
        address = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + given.patience
        while not answers(f"{address}/health"):
            if process.poll() is not None or time.monotonic() > deadline:
                last = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                sys.exit(f"thinking_server: vLLM's server did not start; its last words:\n{last}")
            time.sleep(0.5)
        yield address
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def answers(url: str) -> bool:
    """Return whether a server answers there, be it that it wants a key."""
    try:
        return requests.get(url, timeout=5).status_code < 500
    except requests.RequestException:
        return False


def biased(address: str, field: str) -> dict[str, str]:
    """Return a row in which the model is likely to end its thought by itself; none where the mark is several tokens."""
    body = {field: "</think>", "add_special": False, "parse_special": True, "add_special_tokens": False}
    try:
        tokens = requests.post(f"{address}/tokenize", json=body, timeout=30).json()["tokens"]
    except (requests.RequestException, KeyError):
        return {}
    if len(tokens) != 1:
        return {}
    return {"ended by the model": f'request = {{logit_bias = {{"{tokens[0]}" = 3.5}}}}\nmax_tokens = 120'}


def run(served: Served, folder: Path) -> tuple[Path, bool]:
    """Run the study on the server; return its store, and whether every row came. A refusal is told, with its row."""
    shape = "\n".join(f"{key} = {value}" for key, value in SHAPE.items())
    models = [
        MODEL.format(
            name=json.dumps(name),
            model=json.dumps(served.model),
            samples=SAMPLES,
            row=row,
            url=json.dumps(served.url),
            options=served.options,
            prices=PRICES,
            shape=shape,
        )
        for name, row in served.rows.items()
    ]
    path = folder / "study.toml"
    path.write_text(STUDY + "".join(models))
    study = load_study(path)

    def say(event: object) -> None:
        if isinstance(event, Notice) and event.level != "info":
            print(f"  {event.message}", file=sys.stderr)

    try:
        run_study(study, real_dependencies(models_dir(), lambda _: None), say)
    except BackendError:  # it was told, and the other rows are there
        return study.store, False
    return study.store, True


def tell(store: Path) -> bool:
    """Print a line for each row; return whether every cost is known and is the sum by hand."""
    with Reader(store) as reader:
        row = reader.studies()[0]
        models, tallies = reader.models(row.id), reader.tallies(row.id)
        print(f"engine: {models[0].engine}")
    print("| row | thoughts | ended by | prompt (cached) | written (thought) | µ$ (by hand) | tokens | MFLOP |")
    print("|---|---|---|---|---|---|---|---|")
    alike = True
    for model in models:
        with ExportReader(store) as reader:
            samples = [one for problem in reader.problem_ids(row.id) for one in reader.samples(model.id, problem)]
        if not samples:
            continue
        cells = []
        for unit, scale, form in ((Unit.DOLLARS, 1e6, ".2f"), (Unit.TOKENS, 1, ".1f"), (Unit.FLOPS, 1e-6, ".1f")):
            cost = unit_cost(model, tallies, unit, PromptCharge.MEASURED)
            hand = by_hand(samples, unit)
            alike &= cost is not None and hand is not None and abs(cost.each - hand) <= 1e-9 * hand
            told = "unknown" if cost is None else format(cost.each * scale, form)
            cells.append(f"{told} ({'unknown' if hand is None else format(hand * scale, form)})")
        ends = ", ".join(f"{number} {end}" for end, number in Counter(one.finish for one in samples).items())
        thoughts = sum(one.thought is not None for one in samples)
        read = f"{total(samples, 'prompt_tokens')} ({total(samples, 'cached_tokens')})"
        written = f"{total(samples, 'completion_tokens')} ({total(samples, 'thought_tokens')})"
        print(f"| {model.name} | {thoughts} of {len(samples)} | {ends} | {read} | {written} | {' | '.join(cells)} |")
    return alike


def total(samples: Sequence[Any], name: str) -> int | str:
    """Return the sum of a count over the samples; where one is not known, neither is the sum."""
    counts = [getattr(one, name) for one in samples]
    return "unknown" if None in counts else sum(counts)


def by_hand(samples: Sequence[ExportRow], unit: Unit) -> float | None:
    """Return what a sample costs on average, from the counts alone; None if one is missing."""
    costs = []
    for one in samples:
        counts = (one.prompt_tokens, one.cached_tokens, one.completion_tokens, one.thought_tokens)
        if None in counts:
            return None
        read, cached, written, thought = (count or 0 for count in counts)
        if unit is Unit.DOLLARS:
            costs.append(
                (read - cached) * PRICES["prompt"] / 1e6
                + cached * PRICES["cached"] / 1e6
                + (written - thought) * PRICES["completion"] / 1e6
                + thought * PRICES["thought"] / 1e6
            )
        elif unit is Unit.TOKENS:
            costs.append(float(read - cached + written))
        else:
            costs.append(flops_by_hand(read, min(cached, read - 1), written))
    return sum(costs) / len(costs)


def flops_by_hand(read: int, cached: int, written: int) -> float:
    """Return the FLOPs of every position that is computed, one by one."""
    flops = 2 * SHAPE["unembed_params"] * (1 + written)  # from the last of the prompt, and from all that is written
    for position in range(cached + 1, read + written + 1):
        flops += 2 * SHAPE["matmul_params"] + 4 * SHAPE["layers"] * SHAPE["attention_width"] * position
    return float(flops)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--start", choices=("llamacpp", "vllm", "stub"), help="the server to run as long as this takes")
    which.add_argument("--url", help="of a server that runs, such as http://127.0.0.1:8000/v1")
    parser.add_argument("--model", default="", help="a GGUF file, a folder or a name of the hub, or the server's name")
    parser.add_argument("--key", default="thinking_token_budget", help="the field that bounds a thought")
    parser.add_argument("--api-key-env", default="", help="the variable that holds the key of --url")
    parser.add_argument("--vllm", default=sys.executable, help="the Python that has vLLM, for --start vllm")
    parser.add_argument("--parser", default="qwen3", help="vLLM's --reasoning-parser")
    parser.add_argument("--engine", default="", help="further options of vLLM's server")
    parser.add_argument("--patience", type=float, default=300.0, help="seconds that vLLM may take to start")
    given = parser.parse_args()
    if not given.model and given.start != "stub":
        parser.error("name the model by --model")
    return given


if __name__ == "__main__":
    main()
