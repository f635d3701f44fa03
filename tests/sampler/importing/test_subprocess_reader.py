"""A large file is read by a process of its own: the same samples, the same faults, nothing left behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sampler.importing import prepare
from sampler.importing.imported_sample import ImportFault
from sampler.importing.prepare import ReadingJob, prepare_samples, read
from sampler.importing.sample_files import ImportRequest
from sandbox.problems import load_problems

PROBLEMS = load_problems("humaneval")
LONE = "    return '\ud800'\n"  # half of a surrogate pair, as JSON can say it


def job(path: Path, lines: list[str]) -> ReadingJob:
    path.write_text("\n".join(lines))
    return ReadingJob(path=path, request=ImportRequest(files=(path,), study="s", model="m"), problems=PROBLEMS)


def sample(number: int, **more: object) -> str:
    problem = PROBLEMS[number % len(PROBLEMS)]
    return json.dumps({"task_id": problem.name, "completion": f"    return {number}\n", **more})


def readers() -> set[str]:
    """The reading processes that this one has now, zombies among them."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


@pytest.fixture
def everything_is_large(monkeypatch):
    monkeypatch.setattr(prepare, "LARGE_BYTES", 1)


@pytest.mark.usefixtures("everything_is_large")
def test_a_large_file_gives_the_samples_that_it_gives_when_read_here(tmp_path):
    lines = [sample(n, passed=n % 2 == 0) for n in range(1300)] + [json.dumps({"task_id": 3, "completion": LONE})]
    asked = job(tmp_path / "a.jsonl", lines)
    before = readers()
    assert list(read(asked)) == list(prepare_samples(asked))
    assert readers() == before


@pytest.mark.usefixtures("everything_is_large")
def test_what_is_wrong_with_a_large_file_comes_with_its_place_after_what_was_whole(tmp_path):
    asked = job(tmp_path / "a.jsonl", [sample(n) for n in range(700)] + ["oops"])
    samples = read(asked)
    assert next(samples).where.endswith("line 1")
    with pytest.raises(ImportFault, match=r"a\.jsonl, line 701: not JSON"):
        list(samples)


@pytest.mark.usefixtures("everything_is_large")
def test_who_stops_listening_leaves_no_reader(tmp_path):
    before = readers()
    samples = read(job(tmp_path / "a.jsonl", [sample(n) for n in range(2000)]))
    next(samples)
    assert readers() > before
    samples.close()
    assert readers() == before


@pytest.mark.usefixtures("everything_is_large")
def test_a_reader_that_is_killed_is_told_with_the_way_out(tmp_path):
    before = readers()
    samples = read(job(tmp_path / "a.jsonl", [sample(n) for n in range(60_000)]))
    next(samples)
    (reader,) = readers() - before
    os.kill(int(reader), signal.SIGKILL)
    with pytest.raises(ImportFault, match=r"the process that read it is gone .* run the same command again"):
        list(samples)


def test_a_reader_ends_when_its_writer_is_killed(tmp_path):
    """The pipe is the only thing that ties the two together."""
    job(tmp_path / "a.jsonl", [sample(n) for n in range(60_000)])
    program = f"""
import os, time
from pathlib import Path
from sampler.importing import prepare
from sampler.importing.prepare import ReadingJob
from sampler.importing.sample_files import ImportRequest
from sandbox.problems import load_problems
prepare.LARGE_BYTES = 1
path = Path({str(tmp_path / "a.jsonl")!r})
request = ImportRequest(files=(path,), study="s", model="m")
samples = prepare.read(ReadingJob(path=path, request=request, problems=load_problems("humaneval")))
next(samples)
print(Path(f"/proc/self/task/{{os.getpid()}}/children").read_text(), flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as writer:
        reader = int(writer.stdout.readline())
        assert Path(f"/proc/{reader}").exists()
        writer.kill()
    deadline = time.monotonic() + 300
    while Path(f"/proc/{reader}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{reader}").exists()
