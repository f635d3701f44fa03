from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest

from sampler.backends.base import BackendError, EngineLost
from sampler.exit_codes import Exit
from sampler.running.headless import run_study
from sampler.running.progress import Notice, Progress
from sampler.running.run import RESTARTS_IN_VAIN
from sampler.running.scoring import FAULTS_IN_A_ROW
from sampler.store.reader import Reader
from sampler.store.statements import StudyChanged
from sampler.study.spec import load_study
from sandbox.errors import BoxLost


def nobody(_event) -> None:
    pass


def rows(path, sql: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def state(path):
    """What a finished study holds, without times."""
    return rows(
        path,
        "SELECT m.name, p.name, idx, s.seed, hex(completion_sha), verdict FROM sample s JOIN model m ON m.id = model_id"
        " JOIN problem p ON p.id = problem_id JOIN verdict v ON v.sample_id = s.id ORDER BY 1, 2, 3",
    )


def test_a_study_is_sampled_scored_and_summed(tmp_path, support):
    study = load_study(support.write_study(tmp_path))
    told: list[Progress | Notice] = []
    code = run_study(study, support.rule_dependencies(), told.append)
    assert code is Exit.OK
    with Reader(study.store) as reader:
        (row,) = reader.studies()
        assert (row.status, row.wanted, row.sampled, row.scored) == ("done", 12, 12, 12)
        (model,) = reader.models(row.id)
        assert (model.engine, model.digest, model.params) == ("rule 1", "d1", 1200)
        assert model.architecture == support.ARCHITECTURE
        tally = reader.tallies(row.id)[0]
        assert tally.prompt_flops > tally.decode_flops > 0
        passed = sum(tally.passed for tally in reader.tallies(row.id))
    assert passed == sum(verdict == "PASSED" for *_, verdict in state(study.store))
    assert 0 < passed < 12
    last = [event for event in told if isinstance(event, Progress)][-1]
    assert (last.wanted, last.sampled, last.scored) == (12, 12, 12)
    assert any(isinstance(event, Notice) and "small: 12 samples" in event.message for event in told)


def test_a_complete_study_runs_again_without_opening_a_door(tmp_path, support):
    study = load_study(support.write_study(tmp_path))
    run_study(study, support.rule_dependencies(), nobody)
    before = study.store.read_bytes()

    def no_door(_asked):
        raise AssertionError("nothing was to be done")

    dependencies = replace(support.rule_dependencies(), backend=no_door, executor=no_door)
    assert run_study(study, dependencies, nobody) is Exit.OK
    assert rows(study.store, "SELECT status, ended_at FROM study") != []
    assert len(study.store.read_bytes()) == len(before)


def test_raising_samples_asks_only_for_the_new_ones(tmp_path, support):
    study = load_study(support.write_study(tmp_path, samples=2))
    run_study(study, support.rule_dependencies(), nobody)
    more = load_study(support.write_study(tmp_path, samples=5))
    backend = support.RuleBackend("small")
    assert run_study(more, support.rule_dependencies(backend), nobody) is Exit.OK
    assert backend.asked == [(f"P/{problem}", index) for problem in range(3) for index in (2, 3, 4)]
    fresh = replace(more, store=tmp_path / "fresh.db")
    run_study(fresh, support.rule_dependencies(), nobody)
    assert state(more.store) == state(fresh.store)


def test_how_a_problem_was_put_and_its_answer_read_stands_beside_the_sample(tmp_path, support):
    path = support.write_study(tmp_path, samples=1)
    asked = (
        path.read_text()
        .replace('backend = "replay"', 'backend = "llamacpp"')
        .replace('file = "none.jsonl"', 'style = "chat"')
    )
    path.write_text(asked, encoding="utf-8")
    study = load_study(path)
    assert study.models[0].backend == "llamacpp"
    run_study(study, support.rule_dependencies(), nobody)
    (form, why), *_ = rows(study.store, "SELECT DISTINCT prompt_form, extraction FROM sample")
    assert form == "chat"
    assert "body of f0" in why


def test_adding_a_model_samples_that_model_alone(tmp_path, support):
    study = load_study(support.write_study(tmp_path))
    run_study(study, support.rule_dependencies(), nobody)
    second = '[[models]]\nname = "large"\nbackend = "replay"\nfile = "n.jsonl"\nsamples = 1\n'
    grown = load_study(support.write_study(tmp_path, more=second))
    small, large = support.RuleBackend("small"), support.RuleBackend("large")
    assert run_study(grown, support.rule_dependencies(small, large), nobody) is Exit.OK
    assert (small.asked, len(large.asked)) == ([], 3)


@pytest.mark.parametrize(
    ("more", "what"),
    [("temperature = 0.1\n", "sampling"), ("[sandbox]\ncpu_s = 1\n", "sandbox")],
    ids=["model", "limits"],
)
def test_changing_what_decides_samples_or_verdicts_is_refused(tmp_path, support, more, what):
    study = load_study(support.write_study(tmp_path))
    run_study(study, support.rule_dependencies(), nobody)
    changed = load_study(support.write_study(tmp_path, samples=9, more=more))
    with pytest.raises(StudyChanged, match=what):
        run_study(changed, support.rule_dependencies(), nobody)
    with Reader(study.store) as reader:
        assert reader.studies()[0].status == "done"


def test_other_weights_under_the_same_name_are_refused(tmp_path, support):
    study = load_study(support.write_study(tmp_path, samples=1))
    run_study(study, support.rule_dependencies(), nobody)
    more = load_study(support.write_study(tmp_path, samples=2))
    other = support.RuleBackend("small", digest="d2")
    with pytest.raises(StudyChanged, match="digest d1, and now it is d2"):
        run_study(more, support.rule_dependencies(other), nobody)
    assert other.asked == []


def test_an_engine_that_fails_stops_the_study_and_the_next_run_continues(tmp_path, support):
    study = load_study(support.write_study(tmp_path))
    failing = support.RuleBackend("small")
    failing.fail_after = 5
    with pytest.raises(BackendError, match="the engine is gone"):
        run_study(study, support.rule_dependencies(failing), nobody)
    with Reader(study.store) as reader:
        (row,) = reader.studies()
        assert (row.status, row.exit_reason, row.sampled) == ("failed", "the engine is gone", 5)
        assert reader.events(row.id)[-1].level == "error"
    again = support.RuleBackend("small")
    assert run_study(study, support.rule_dependencies(again), nobody) is Exit.OK
    assert len(again.asked) == 7
    assert not set(again.asked) & set(failing.asked)


def test_a_sample_that_our_fault_left_unscored_is_told_and_scored_by_the_next_run(tmp_path, support):
    study = load_study(support.write_study(tmp_path, count=2, samples=2))
    unlucky = support.RuleBackend("small", text="    return x  # lose me\n")
    told: list[Progress | Notice] = []
    assert run_study(study, support.rule_dependencies(unlucky), told.append) is Exit.INCOMPLETE
    with Reader(study.store) as reader:
        (row,) = reader.studies()
        assert (row.status, row.sampled, row.scored) == ("failed", 4, 0)
        assert "4 to score" in (row.exit_reason or "")
        faults = [event for event in reader.events(row.id) if event.kind == "unscored"]
    assert len(faults) == 4
    assert "nothing was judged" in faults[0].message

    class Mended(support.FakeExecutor):
        def _score(self, _program):
            return support.score()

    assert run_study(study, support.rule_dependencies(unlucky, executor=Mended()), nobody) is Exit.OK
    assert len(unlucky.asked) == 4
    assert rows(study.store, "SELECT sum(scored), sum(passed) FROM tally") == [(4, 4)]


def test_a_sandbox_that_fails_every_time_stops_the_study(tmp_path, support):
    study = load_study(support.write_study(tmp_path, samples=40))
    executor = support.FakeExecutor(broken=True)
    with pytest.raises(BoxLost, match="the box went away"):
        run_study(
            study, support.rule_dependencies(support.RuleBackend("small", delay_s=0.005), executor=executor), nobody
        )
    assert FAULTS_IN_A_ROW <= len(executor.seen) < 120
    assert rows(study.store, "SELECT status FROM study") == [("failed",)]


def test_a_bug_in_the_sandbox_is_not_taken_for_a_verdict(tmp_path, support):
    class Buggy(support.FakeExecutor):
        def _score(self, program):
            raise ZeroDivisionError(program.source)

    study = load_study(support.write_study(tmp_path))
    with pytest.raises(ZeroDivisionError):
        run_study(study, support.rule_dependencies(executor=Buggy()), nobody)
    assert rows(study.store, "SELECT count(*) FROM verdict") == [(0,)]


def test_scoring_goes_on_while_sampling_does(tmp_path, support):
    study = load_study(support.write_study(tmp_path, samples=8))
    executor = support.FakeExecutor()
    backend = support.RuleBackend("small", delay_s=0.03)
    scored_while_sampling: list[int] = []
    backend.on_sample = lambda _count: scored_while_sampling.append(len(executor.seen))
    run_study(study, support.rule_dependencies(backend, executor=executor), nobody)
    assert scored_while_sampling[-1] > 5


def test_ctrl_c_finishes_what_is_under_way_and_the_next_run_continues(tmp_path, support):
    study = load_study(support.write_study(tmp_path))
    backend = support.RuleBackend("small")
    backend.on_sample = lambda count: signal.raise_signal(signal.SIGINT) if count == 6 else None
    handler = signal.getsignal(signal.SIGINT)
    assert run_study(study, support.rule_dependencies(backend), nobody) is Exit.INTERRUPTED
    assert signal.getsignal(signal.SIGINT) is handler
    assert len(backend.asked) == 8  # the second request was under way and is whole
    with Reader(study.store) as reader:
        (row,) = reader.studies()
        assert (row.status, row.sampled) == ("interrupted", 8)
    again = support.RuleBackend("small")
    assert run_study(study, support.rule_dependencies(again), nobody) is Exit.OK
    assert again.asked == [("P/2", index) for index in range(4)]


def test_ctrl_c_twice_breaks_off_at_once_and_keeps_what_was_sampled(tmp_path, support):
    study = load_study(support.write_study(tmp_path))
    backend = support.RuleBackend("small")
    backend.on_sample = lambda count: signal.raise_signal(signal.SIGINT) if count in (5, 6) else None
    with pytest.raises(KeyboardInterrupt):
        run_study(study, support.rule_dependencies(backend), nobody)
    with Reader(study.store) as reader:
        (row,) = reader.studies()
        assert (row.status, row.sampled) == ("interrupted", 5)
    assert run_study(study, support.rule_dependencies(), nobody) is Exit.OK


def test_sigterm_is_told_apart(tmp_path, support):
    study = load_study(support.write_study(tmp_path))
    backend = support.RuleBackend("small")
    backend.on_sample = lambda count: signal.raise_signal(signal.SIGTERM) if count == 1 else None
    assert run_study(study, support.rule_dependencies(backend), nobody) is Exit.TERMINATED


def test_a_study_killed_again_and_again_ends_with_the_same_samples_as_one_left_alone(tmp_path, support, support_script):
    path = support.write_study(tmp_path, count=5, samples=6)
    store = tmp_path / "killed.db"
    held = 0
    for wait in (0.05, 0.15, 0.1):
        with subprocess.Popen([sys.executable, support_script, "run", path, store]) as process:
            began = time.monotonic()
            while not store.exists() or (process.poll() is None and count(store) <= held):
                assert time.monotonic() - began < 300
                time.sleep(0.02)
            time.sleep(wait)
            process.kill()
        held = max(held, count(store))
    assert held > 0
    alone = replace(load_study(path), store=tmp_path / "alone.db")
    killed = replace(load_study(path), store=store)
    assert run_study(killed, support.rule_dependencies(), nobody) is Exit.OK
    assert run_study(alone, support.rule_dependencies(), nobody) is Exit.OK
    assert state(store) == state(alone.store)
    assert len(state(store)) == 30
    assert rows(store, "SELECT sum(sampled), sum(scored) FROM tally") == [(30, 30)]


def count(store) -> int:
    try:
        with Reader(store) as reader:
            studies = reader.studies()
            return studies[0].sampled if studies else 0
    except Exception:  # the store is just being made
        return 0


def test_ctrl_c_calls_off_the_programs_that_wait(tmp_path, support):
    class Slow(support.FakeExecutor):
        sent = threading.Lock()  # taken once and for all: two threads may see the same number of programs

        def _score(self, program):
            if len(self.seen) >= 4 and self.sent.acquire(blocking=False):
                os.kill(os.getpid(), signal.SIGINT)
            return super()._score(program)

    study = load_study(support.write_study(tmp_path, samples=60))
    executor = Slow(delay_s=0.1)
    assert run_study(study, support.rule_dependencies(executor=executor), nobody) is Exit.INTERRUPTED
    assert len(executor.seen) < 60  # of all samples of the study it is a fraction
    ((scored,),) = rows(study.store, "SELECT sum(scored) FROM tally")
    assert scored == len(executor.seen)
    assert run_study(study, support.rule_dependencies(), nobody) is Exit.OK


def test_the_store_knows_what_the_programs_were_executed_in(tmp_path, support):
    study = load_study(support.write_study(tmp_path, samples=1))
    run_study(study, support.rule_dependencies(), nobody)
    assert rows(study.store, "SELECT image FROM study") == [("fake:1",)]


def test_fewer_samples_and_models_than_before_are_counted_as_what_is_wanted_now(tmp_path, support):
    second = '[[models]]\nname = "large"\nbackend = "replay"\nfile = "n.jsonl"\nsamples = 6\n'
    run_study(load_study(support.write_study(tmp_path, samples=6, more=second)), support.rule_dependencies(), nobody)
    told: list[Progress | Notice] = []
    fewer = load_study(support.write_study(tmp_path, samples=2))
    assert run_study(fewer, support.rule_dependencies(), told.append) is Exit.OK
    with Reader(fewer.store) as reader:
        (row,) = reader.studies()
        assert (row.wanted, row.sampled, row.scored) == (6, 6, 6)
        passed = sum(tally.passed for tally in reader.tallies(row.id) if tally.model_id == reader.models(row.id)[0].id)
    (model,) = [event for event in told if isinstance(event, Progress)][-1].models
    assert (model.name, model.wanted, model.scored, model.verdicts, model.passed) == ("small", 6, 6, 18, passed)


class DyingBackend:
    """Dies over every so many samples, and is buried by whoever opens the next one."""

    def __init__(self, support, after: int) -> None:
        self.opened = 0
        self.asked: list[tuple[str, int]] = []
        self._support = support
        self._after = after

    def open(self, _model, _tell):
        self.opened += 1
        backend = self._support.RuleBackend("small")
        original = backend.sample

        def sample(requests, params):
            for count, one in enumerate(original(requests, params)):
                if count == self._after:
                    raise EngineLost("the engine was killed by signal 9")
                self.asked.append((one.problem, one.index))
                yield one

        backend.sample = sample
        return backend


def test_an_engine_that_dies_is_started_again_and_nothing_is_lost_or_doubled(tmp_path, support):
    study = load_study(support.write_study(tmp_path))
    dying = DyingBackend(support, after=5)
    assert run_study(study, replace(support.rule_dependencies(), backend=dying.open), nobody) is Exit.OK
    assert dying.opened == 3
    assert sorted(dying.asked) == [(f"P/{problem}", index) for problem in range(3) for index in range(4)]
    with Reader(study.store) as reader:
        lost = [event for event in reader.events(reader.studies()[0].id) if event.kind == "engine"]
    assert [event.level for event in lost] == ["warning", "warning"]
    assert "small: the engine was killed by signal 9" in lost[0].message


def test_an_engine_that_dies_in_vain_again_and_again_ends_the_run_and_the_next_one_completes_it(tmp_path, support):
    study = load_study(support.write_study(tmp_path))
    dead = DyingBackend(support, after=0)
    with pytest.raises(EngineLost, match="signal 9"):
        run_study(study, replace(support.rule_dependencies(), backend=dead.open), nobody)
    assert dead.opened == 1 + RESTARTS_IN_VAIN
    assert run_study(study, support.rule_dependencies(), nobody) is Exit.OK


def test_one_models_outage_does_not_lose_another_models_work(tmp_path, support):
    second = '[[models]]\nname = "large"\nbackend = "replay"\nfile = "n.jsonl"\nsamples = 2\n'
    study = load_study(support.write_study(tmp_path, more=second))
    small, large = support.RuleBackend("small"), support.RuleBackend("large")
    small.fail_after = 3
    with pytest.raises(BackendError, match="the engine is gone"):
        run_study(study, support.rule_dependencies(small, large), nobody)
    assert len(large.asked) == 6
    assert rows(study.store, "SELECT sum(sampled), sum(scored) FROM tally") == [(9, 9)]
    assert rows(study.store, "SELECT status FROM study") == [("failed",)]
    assert run_study(study, support.rule_dependencies(), nobody) is Exit.OK


def test_two_models_that_fail_are_both_named(tmp_path, support):
    second = '[[models]]\nname = "large"\nbackend = "replay"\nfile = "n.jsonl"\nsamples = 2\n'
    study = load_study(support.write_study(tmp_path, more=second))
    small, large = support.RuleBackend("small"), support.RuleBackend("large")
    small.fail_after = large.fail_after = 0
    with pytest.raises(BackendError, match="small: the engine is gone; large: the engine is gone"):
        run_study(study, support.rule_dependencies(small, large), nobody)


@pytest.mark.parametrize(("line", "told"), [("temperature = 0\n", 1), ("temperature = 0.1\n", 0)])
def test_many_samples_at_temperature_0_are_told_to_be_alike(tmp_path, support, line, told):
    path = support.write_study(tmp_path, samples=2, more=line)
    path.write_text(path.read_text().replace('"replay"\nfile = "none.jsonl"', '"llamacpp"'))
    study = load_study(path)
    assert run_study(study, support.rule_dependencies(), nobody) is Exit.OK
    with Reader(study.store) as reader:
        said = [event.message for event in reader.events(reader.studies()[0].id) if event.kind == "alike"]
    assert len(said) == told
    assert all(message.startswith("small: at temperature 0 the 2 samples of a problem are alike") for message in said)


def test_what_a_backend_tells_of_an_outage_is_an_event(tmp_path, support):
    study = load_study(support.write_study(tmp_path, samples=1))

    def door(_model, tell):
        tell("the server failed with status 503")
        return support.RuleBackend("small")

    assert run_study(study, replace(support.rule_dependencies(), backend=door), nobody) is Exit.OK
    with Reader(study.store) as reader:
        (outage,) = [event for event in reader.events(reader.studies()[0].id) if event.kind == "outage"]
    assert (outage.level, outage.message) == ("warning", "small: the server failed with status 503")


SERVED = """
[[models]]
name = "{name}"
backend = "openai"
samples = 2
[models.options]
base_url = "http://127.0.0.1:{port}/v1"
"""


def served(support, folder, **ports: int):
    text = "".join(SERVED.format(name=name, port=port) for name, port in ports.items())
    return load_study(support.write_study(folder, samples=2, more=text))


def test_models_of_different_servers_are_sampled_at_the_same_time(tmp_path, support):
    study = served(support, tmp_path, left=1001, right=1002)
    together = threading.Barrier(3)
    backends = [support.RuleBackend(name) for name in ("small", "left", "right")]
    for backend in backends:  # each waits at its first sample until all three have one
        backend.on_sample = lambda count: together.wait(timeout=60) if count == 1 else None
    assert run_study(study, support.rule_dependencies(*backends), nobody) is Exit.OK
    assert len(state(study.store)) == 3 * 2 * 3


def test_models_of_one_server_are_sampled_one_after_the_other(tmp_path, support):
    study = served(support, tmp_path, left=1001, right=1001)
    asked: list[str] = []
    backends = [support.RuleBackend(name) for name in ("left", "right")]
    for backend in backends:
        backend.on_sample = lambda _count, name=backend.card.name: asked.append(name)
    assert run_study(study, support.rule_dependencies(*backends), nobody) is Exit.OK
    assert asked == ["left"] * 6 + ["right"] * 6


def test_a_fault_in_one_place_cancels_what_other_places_have_in_flight(tmp_path, support):
    study = served(support, tmp_path, left=1001, right=1002)
    begun, closed = threading.Event(), threading.Event()

    class Waiting(support.RuleBackend):
        def close(self) -> None:
            closed.set()

    def fail(_count: int) -> None:
        begun.wait(timeout=60)
        raise RuntimeError("a bug of ours")

    def wait(_count: int) -> None:
        begun.set()
        assert closed.wait(timeout=60), "nobody closed it"
        raise BackendError("cancelled")

    left, right = support.RuleBackend("left"), Waiting("right")
    left.on_sample, right.on_sample = fail, wait
    with pytest.raises(RuntimeError, match="a bug of ours"):
        run_study(study, support.rule_dependencies(left, right), nobody)
    assert closed.is_set()
    assert rows(study.store, "SELECT status FROM study") == [("failed",)]


def test_one_server_that_fails_costs_the_models_of_others_nothing(tmp_path, support):
    study = served(support, tmp_path, left=1001, right=1002)
    left = support.RuleBackend("left")
    left.fail_after = 1
    with pytest.raises(BackendError, match="the engine is gone"):
        run_study(study, support.rule_dependencies(left), nobody)
    counts = rows(
        study.store, "SELECT name, count(*) FROM sample JOIN model ON model.id = model_id GROUP BY 1 ORDER BY 1"
    )
    assert counts == [("left", 1), ("right", 6), ("small", 6)]
