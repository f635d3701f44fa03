"""A run without a screen: its displays, its limits, what continuous integration hears of it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from sampler.exit_codes import Exit
from sampler.running.ci import Places
from sampler.running.displays import Bar
from sampler.running.headless import run_headless
from sampler.running.progress import ModelProgress, Notice, Progress
from sampler.running.run_options import Display, HeadlessOptions, RunLimits, choose
from sampler.store.reader import Reader

LOST = '[[models]]\nname = "b"\nbackend = "replay"\nfile = "x"\nsamples = 2\n'


@pytest.mark.parametrize(
    ("asked", "terminal", "environment", "shown"),
    [
        (Display.AUTO, True, {"TERM": "xterm"}, Display.RICH),
        (Display.AUTO, True, {"TERM": "dumb"}, Display.PLAIN),
        (Display.AUTO, True, {"CI": "true"}, Display.PLAIN),
        (Display.AUTO, False, {}, Display.PLAIN),
        (Display.JSON, True, {}, Display.JSON),
        (Display.RICH, False, {"CI": "1"}, Display.RICH),
    ],
)
def test_a_display_is_what_was_asked_for_or_fits_who_looks(asked, terminal, environment, shown) -> None:
    assert choose(asked, terminal=terminal, environment=environment) is shown


def test_json_lines_are_all_that_goes_to_standard_output(tmp_path: Path, support) -> None:
    out, log = io.StringIO(), io.StringIO()
    run_options = HeadlessOptions(display=Display.JSON)
    code = run_headless(
        support.write_study(tmp_path),
        out=out,
        log=log,
        dependencies=support.rule_dependencies(),
        run_options=run_options,
    )
    told = [json.loads(line) for line in out.getvalue().splitlines()]
    assert code == Exit.OK
    assert log.getvalue() == ""
    assert {line["schema"] for line in told} == {1}
    assert [line["event"] for line in told][-2:] == ["report", "done"]
    assert told[-2]["report"]["study"] == "tried"
    assert (told[-1]["ok"], told[-1]["exit_code"], told[-1]["reason"]) == (True, 0, "complete")
    progress = [line for line in told if line["event"] == "progress"]
    assert (progress[-1]["wanted"], progress[-1]["scored"]) == (12, 12)


def test_json_lines_end_with_the_exit_code_where_something_broke(tmp_path: Path, support) -> None:
    path = support.write_study(tmp_path)
    path.write_text("name = ", encoding="utf-8")
    out, log = io.StringIO(), io.StringIO()
    assert run_headless(path, out=out, log=log, run_options=HeadlessOptions(display=Display.JSON)) == Exit.USAGE
    (line,) = out.getvalue().splitlines()
    assert (json.loads(line)["ok"], json.loads(line)["exit_code"]) == (False, 2)
    assert log.getvalue().startswith("sampler: ")


def test_a_bar_shows_hostile_names_as_they_are() -> None:
    out = io.StringIO()
    with Bar(out) as bar:
        model = ModelProgress(name="[red]m\x1b[31m", wanted=10, sampled=7, scored=4, verdicts=4, passed=1)
        bar(Progress(study="s", models=(model,)))
        bar(Notice(level="warning", kind="k", message="[bold]two\nlines"))
    assert "[red]m\\x1b[31m" in out.getvalue()
    assert "warning: [bold]two lines" in out.getvalue()
    assert "\x1b" not in out.getvalue()


class TestLimits:
    def run(self, folder: Path, support, limits: RunLimits, **backend: object) -> tuple[int, str]:
        path, log = support.write_study(folder, count=20, samples=10), io.StringIO()
        dependencies = support.rule_dependencies(support.RuleBackend("small", **backend))
        run_options = HeadlessOptions(limits=limits)
        return run_headless(
            path, out=io.StringIO(), log=log, dependencies=dependencies, run_options=run_options
        ), log.getvalue()

    def test_a_run_that_has_had_its_time_is_incomplete_and_can_go_on(self, tmp_path: Path, support) -> None:
        code, log = self.run(tmp_path, support, RunLimits(seconds=0.5), delay_s=0.02)
        assert code == Exit.INCOMPLETE
        assert "stopping: the run has had its 0.5 seconds" in log
        assert self.run(tmp_path, support, RunLimits())[0] == Exit.OK

    def test_a_run_that_has_spent_its_flops_stops(self, tmp_path: Path, support) -> None:
        code, log = self.run(tmp_path, support, RunLimits(flops=1.0), delay_s=0.02)
        assert code == Exit.INCOMPLETE
        assert "stopping: the run has spent its 1 FLOPs" in log
        with Reader(tmp_path / "study.db") as reader:
            assert 0 < reader.studies()[0].sampled < 200

    def test_flops_of_an_earlier_run_do_not_count(self, tmp_path: Path, support) -> None:
        self.run(tmp_path, support, RunLimits(flops=1.0), delay_s=0.02)
        assert self.run(tmp_path, support, RunLimits(flops=1e15))[0] == Exit.OK

    @pytest.mark.parametrize(("rate", "code"), [(0.2, Exit.INFRASTRUCTURE), (0.9, Exit.INCOMPLETE)])
    def test_too_many_faults_of_ours_are_an_exit_code_of_their_own(self, tmp_path, support, rate, code) -> None:
        """Of 12 + 6 samples those of `b` are lost (many in a row would mean that the sandbox is broken)."""
        path = support.write_study(tmp_path, more=LOST)
        dependencies = support.rule_dependencies(support.RuleBackend("b", text="    lose me\n"))
        run_options = HeadlessOptions(limits=RunLimits(infra_rate=rate))
        assert run_headless(path, out=io.StringIO(), dependencies=dependencies, run_options=run_options) == code

    @pytest.mark.parametrize("wrong", [{"seconds": 0.0}, {"flops": float("nan")}, {"infra_rate": 1.0}])
    def test_a_limit_that_makes_no_sense_is_refused(self, wrong) -> None:
        with pytest.raises(ValueError, match=r"must be above 0|lies from 0"):
            RunLimits(**wrong)


def test_ci_hears_of_a_run_that_is_not_complete(tmp_path: Path, support) -> None:
    path = support.write_study(tmp_path, more=LOST)
    dependencies = support.rule_dependencies(support.RuleBackend("b", text="    lose me\n"))
    places = Places(junit=tmp_path / "j.xml", summary=tmp_path / "s.md", annotate=True)
    log = io.StringIO()
    run_options = HeadlessOptions(places=places, limits=RunLimits(infra_rate=0.1))
    run_headless(path, out=io.StringIO(), log=log, dependencies=dependencies, run_options=run_options)
    (suite,) = ET.parse(tmp_path / "j.xml").getroot()
    assert {case.get("name"): len(case) for case in suite} == {"gate: complete": 1, "gate: faults of ours": 1}
    assert (suite.get("failures"), suite.get("errors")) == ("1", "1")
    assert "::error title=tried%3A gate%3A complete::" in log.getvalue()
    assert (tmp_path / "s.md").read_text().count("❌") == 1


@pytest.mark.parametrize(("signals", "code"), [(1, Exit.INTERRUPTED), (2, Exit.INTERRUPTED)])
def test_an_interrupt_finishes_what_is_under_way_and_a_second_one_breaks_it_off(
    tmp_path: Path, support, support_script: Path, signals: int, code: Exit
) -> None:
    study = support.write_study(tmp_path, count=20, samples=50)
    words = [sys.executable, str(support_script), "run", str(study), str(tmp_path / "s.db")]
    with subprocess.Popen(
        words, env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}, stderr=subprocess.PIPE
    ) as process:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline and not _sampled(tmp_path / "s.db"):
            time.sleep(0.1)
        for _ in range(signals):
            process.send_signal(signal.SIGINT)
            time.sleep(0.05)
        process.communicate(timeout=300)
    assert process.returncode in ({code} if signals == 1 else {code, 1, -signal.SIGINT})
    assert 0 < _sampled(tmp_path / "s.db") < 1000


def _sampled(path: Path) -> int:
    if not path.is_file():
        return 0
    try:
        with Reader(path) as reader:
            studies = reader.studies()
            return studies[0].sampled if studies else 0
    except Exception:  # it is being made
        return 0
