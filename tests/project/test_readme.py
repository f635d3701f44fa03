"""Every command of the README is run, or stands here with the reason why not and the place where it is tested."""

from __future__ import annotations

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sampler.study.spec import load_study

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAMS = ("sandbox", "sampler", "budget-tui")

WEIGHTS = "needs 1.6 GB of weights; the same command without them is tests/sampler/test_cli.py"
ELSEWHERE = {
    "make try": "makes an environment, and then runs examples/replay.toml as below",
    "make demo": WEIGHTS,
    "make test": "is what runs this",
    ".venv/bin/budget-tui examples/demo.toml": "needs a terminal: tests/tui",
    "budget-tui study.db": "needs a terminal: tests/tui",
    "budget-tui study.db --against before.db": "needs a terminal: tests/tui/test_against.py",
    "budget-tui --replay study.db --speed 20": "needs a terminal: tests/tui, tests/sampler/test_player.py",
    "sampler run --pull study.toml": WEIGHTS,
    "budget-tui --headless study.toml": WEIGHTS,
    "sampler rank study.db --with qwen2.5-coder-1.5b-instruct --charge": "needs 1.1 GB of weights: tests/sampler",
    "sampler rank study.db --with NAME --backend openai --option base_url=http://127.0.0.1:8000/v1": (
        "needs a server: tests/sampler/test_rank.py"
    ),
    "sampler rank study.db --ranker selection-tests": "needs a set of problems that has some: tests/sampler",
    "sampler import published.db samples.jsonl.gz --model codegen-16b": "needs a file: tests/sampler",
    "sampler score published.db": "scores what was imported: tests/sampler/test_importing.py",
    "sampler report published.db": "reports what was imported: tests/sampler/test_importing.py",
    "sampler compare study.db:small study.db:large": "needs two such models: tests/sampler/test_comparison.py",
    "sandbox serve --port 8080 --problems humaneval": "never ends: tests/sandbox/test_serve.py",
}
# In the order of the README; what comes after a command is the exit code that is right here.
RUN = {
    "sandbox exec -c 'print(6 * 7)'": 0,
    "sandbox exec program.py --tests tests.py --cpu 2 --memory 256 --json": 0,
    "sandbox score --problems humaneval --samples samples.jsonl --out scored.jsonl --explain": 0,
    "sandbox rejudge --problems humaneval scored.jsonl --out again.jsonl": 0,
    "sampler init study.toml": 0,
    "sampler run examples/replay.toml": 0,
    "sampler report examples/replay.db --unit flops --unit tokens --html report.html --plot curves.pdf": 0,
    "sampler models list": 0,
    "sampler models show study.toml": 0,
    "sampler report study.db --prompt once": 0,
    "sampler report study.db --unit tokens --json": 0,
    "sampler analyse study.db --diversity": 0,
    "sampler rank study.db": 0,
    "sampler rank study.db --ranker majority --ranker mbr-exec": 0,
    "sampler rank study.db --ranker codet --tests generated.jsonl": 0,
    "sampler rank study.db --ranker external --scores scores.jsonl": 0,
    "sampler gate new.db --baseline old.db --at 1e12 --max-drop 0.02": 0,
    "sampler gate new.db --min 0.35 --margin 0.02": 0,
}


def commands() -> list[str]:
    """The commands in the README's blocks, without their comments and with continued lines joined."""
    blocks = re.sub(r"\\\n\s*", "", README)
    found = re.findall(r"^ {4}((?:sandbox|sampler|budget-tui|make|\.venv/bin/\S+) .*)$", blocks, re.MULTILINE)
    return list(dict.fromkeys(re.sub(r"\s+# .*$", "", line).rstrip() for line in found))


def python_block() -> str:
    """The example of the Python interface."""
    found = re.search(r"^ {4}from sandbox import .*?(?=^\S)", README, re.MULTILINE | re.DOTALL)
    assert found
    return re.sub(r"^ {4}", "", found.group(0), flags=re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the commands need, under the names that the README gives them."""
    place = tmp_path_factory.mktemp("readme")
    (place / "program.py").write_text("def double(x):\n    return 2 * x\n")
    (place / "tests.py").write_text("assert double(4) == 8\n")
    shutil.copytree(ROOT / "examples", place / "examples", ignore=shutil.ignore_patterns("*.db*"))
    sample = {"task_id": "HumanEval/53", "completion": "    return x + y\n"}
    (place / "samples.jsonl").write_text(json.dumps(sample) + "\n")
    recording = ROOT / "examples" / "replay" / "qwen2.5-coder-0.5b-instruct_HumanEval20_n10.jsonl.gz"
    with gzip.open(recording, "rt") as file:
        names = sorted({json.loads(line)["task_id"] for line in file})[:3]
    study = f'name = "readme"\n[problems]\nsource = "humaneval"\nnames = {json.dumps(names)}\n'
    study += f'[[models]]\nname = "small"\nbackend = "replay"\nfile = "{recording}"\nsamples = 8\n'
    (place / "made.toml").write_text(study)
    (place / "generated.jsonl").write_text(
        "".join(json.dumps({"task_id": name, "tests": ["assert True"]}) + "\n" for name in names)
    )
    scores = [{"model": "small", "task_id": name, "index": at, "score": at} for name in names for at in range(8)]
    (place / "scores.jsonl").write_text("".join(json.dumps(score) + "\n" for score in scores))
    return place


def run(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-c", line],
        cwd=folder,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_every_command_of_the_readme_is_run_or_has_its_reason() -> None:
    said = set(commands())
    assert said - set(RUN) - set(ELSEWHERE) == set(), "new in the README: run it here, or say why not"
    assert (set(RUN) | set(ELSEWHERE)) - said == set(), "no longer in the README"


@pytest.mark.docker
def test_the_commands_do_what_they_say(folder: Path) -> None:
    made = run("sampler run made.toml --store study.db --display none", folder)
    assert made.returncode == 0, made.stderr
    for name in ("old.db", "new.db"):
        shutil.copy(folder / "study.db", folder / name)
    for line, code in RUN.items():
        done = run(line, folder)
        assert done.returncode == code, f"{line}\n{done.stdout}\n{done.stderr}"


@pytest.mark.docker
def test_the_python_of_the_readme_runs(folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", python_block()], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:3] == ["PASSED", "WRONG", "[1.0, 0.0]"]


def test_the_study_of_the_readme_is_one(tmp_path: Path) -> None:
    found = re.search(r'^ {4}name = "small against big".*?(?=^ {4}sampler )', README, re.MULTILINE | re.DOTALL)
    assert found
    text = re.sub(r"^ {4}", "", found.group(0), flags=re.MULTILINE)
    assert tomllib.loads(text)
    path = tmp_path / "study.toml"
    path.write_text(text)
    assert load_study(path).name == "small against big"


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / target).exists(), target
