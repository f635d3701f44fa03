from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sampler.store.reader import Reader
from tui.data.snapshot import Snapshot
from tui.run_control import Action, CannotAct, RunTarget, command_for, study_file_of

NOW = 1_000.0
PLACE = RunTarget(store=Path("/s/study.db"), study_file=Path("/s/my study.toml"), host="here")


@pytest.fixture
def snapshot(finished: Path) -> Snapshot:
    with Reader(finished) as reader:
        study = reader.studies()[0]
    study = replace(study, status="running", host="here", pid=77, heartbeat_at=NOW - 1, scored=100)
    return Snapshot(
        study=study, models=(), tallies=(), counts={}, tail=(), events=(), curves=None, units=(), read_at=NOW
    )


def done(snapshot: Snapshot) -> Snapshot:
    return replace(snapshot, study=replace(snapshot.study, status="interrupted"))


def test_running_is_the_command_that_a_person_would_type(snapshot: Snapshot) -> None:
    command = command_for(Action.RUN, done(snapshot), PLACE, NOW)
    assert command.typed == "sampler run '/s/my study.toml' --store /s/study.db > /s/study.log 2>&1 &"
    assert "20 samples without a verdict are scored again" in command.meaning


def test_a_study_that_runs_is_paused_and_cancelled_by_signals(snapshot: Snapshot) -> None:
    assert command_for(Action.PAUSE, snapshot, PLACE, NOW).words == ("kill", "-INT", "77")
    assert command_for(Action.CANCEL, snapshot, PLACE, NOW).words == ("kill", "-TERM", "77")


def test_what_cannot_be_done_is_told_with_the_way_out(snapshot: Snapshot) -> None:
    with pytest.raises(CannotAct, match="already running"):
        command_for(Action.RUN, snapshot, PLACE, NOW)
    with pytest.raises(CannotAct, match="not running"):
        command_for(Action.PAUSE, done(snapshot), PLACE, NOW)
    with pytest.raises(CannotAct, match=r"budget-tui STUDY\.toml"):
        command_for(Action.RUN, done(snapshot), replace(PLACE, study_file=None), NOW)
    elsewhere = replace(snapshot, study=replace(snapshot.study, host="there"))
    with pytest.raises(CannotAct, match="runs on there"):
        command_for(Action.CANCEL, elsewhere, PLACE, NOW)
    gone = replace(snapshot, process_gone=True, study=replace(snapshot.study, heartbeat_at=NOW - 60))
    with pytest.raises(CannotAct, match="CRASHED"):
        command_for(Action.PAUSE, gone, PLACE, NOW)
    assert command_for(Action.RUN, gone, PLACE, NOW).words[:2] == ("sampler", "run")


def test_a_study_file_beside_the_store_is_found(tmp_path: Path) -> None:
    store = tmp_path / "study.db"
    assert study_file_of(store, None) is None
    (tmp_path / "study.toml").touch()
    assert study_file_of(store, None) == tmp_path / "study.toml"
    assert study_file_of(store, Path("other.toml")) == Path("other.toml")
