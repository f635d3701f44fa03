from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from sampler.commands import cli
from sampler.exit_codes import Exit
from sampler.reporting.unit_costs import unit_cost
from sampler.running.headless import run_study
from sampler.running.progress import Notice
from sampler.stats.budget import PromptCharge, Unit
from sampler.store.reader import Reader, StoreError
from sampler.store.schema import VERSIONS
from sampler.store.statements import StudyChanged
from sampler.store.writer import Store, migrate, open_migrated
from sampler.study.spec import Study, load_study


def old_store(path: Path, version: str) -> None:
    """A small store as an earlier version made it: two samples of one problem, one of them scored."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        known = dict(VERSIONS)
        migrate(connection, dict(list(known.items())[: int(version[1:])]))
        connection.executescript("""
            PRAGMA foreign_keys=ON;
            INSERT INTO study(id, uid, name, spec_toml, spec_digest, problems_source, problems_digest, seed,
              limits_json,
              status, created_at) VALUES(1, 'u', 'old', '', 'd', 'here', 'p', 3, '{}', 'interrupted', 1.0);
            INSERT INTO model(id, study_id, name, backend, wanted, position) VALUES(1, 1, 'small', 'replay', 2, 0);
            INSERT INTO problem(id, study_id, name, prompt, tests, entry_point, position)
              VALUES(1, 1, 'P/0', 'def f(x):', 'assert f(1)', 'f', 0);
            INSERT INTO text VALUES(x'01', '    return x'), (x'02', 'def f(x): return x');
            INSERT INTO sample(id, model_id, problem_id, idx, seed, completion_sha, program_sha, finish, prompt_tokens,
              completion_tokens, prompt_seconds, decode_seconds, prompt_shared, created_at)
              VALUES(4, 1, 1, 0, 9, x'01', x'02', 'stop', 10, 5, 0.5, 0.25, 1, 2.0),
                    (7, 1, 1, 1, 10, x'01', x'02', 'length', 10, 6, 0.5, 0.5, 1, 3.0);
            INSERT INTO verdict(sample_id, verdict, ending, cpu_s, wall_s, memory_mb, judge, created_at)
              VALUES(4, 'PASSED', 'exited', 0.1, 0.2, 9.0, '1', 4.0);
            INSERT INTO tally(model_id, problem_id, sampled, scored, passed, prompt_tokens, completion_tokens,
              prompt_seconds, decode_seconds) VALUES(1, 1, 2, 1, 1, 20, 11, 1.0, 0.75);
            INSERT INTO verdict_tally VALUES(1, 'PASSED', 1);
        """)


def test_a_store_of_an_earlier_version_where_nobody_may_write_says_why_it_must_be_written(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    old_store(path, list(dict(VERSIONS))[-2])
    path.with_name("old.db.lock").mkdir()  # root may write into any folder
    before = path.read_bytes()
    with pytest.raises(
        StoreError, match=r"of an older version is brought up to date .*; cannot write beside the store"
    ):
        open_migrated(path, Reader)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["report"], Exit.OK, ""),
        (["rank"], Exit.EMPTY, ""),
        (["export", "--to", "out.jsonl"], Exit.OK, "wrote out.jsonl"),
        (["claims"], Exit.EMPTY, "no sample of study 'old' came with a verdict"),
        (["score"], Exit.STORE, "was made by `sampler run`"),
    ],
)
def test_every_command_brings_a_store_of_an_earlier_version_up_to_date(tmp_path, monkeypatch, words, code, said):
    monkeypatch.chdir(tmp_path)
    old_store(Path("old.db"), "v1")
    ended = CliRunner().invoke(cli, [words[0], "old.db", *words[1:]])
    assert said in ended.output
    assert "older codebudget" not in ended.output
    assert ended.exit_code in {code, Exit.EMPTY}


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_store_of_an_earlier_version_keeps_every_fact_and_can_be_written_on(tmp_path, support, version):
    path = tmp_path / "old.db"
    old_store(path, version)
    with Store(path) as store:
        store.add_sample(support.sample_record(1, 1, 2))
        store.add_verdict(support.verdict_record(1, 1, 1))
    with Reader(path) as reader:
        (row,) = reader.tallies(1)
        assert (row.sampled, row.scored, row.passed) == (3, 2, 2)
        assert (row.prompt_tokens, row.completion_tokens, row.decode_seconds) == (30, 16, 1.0)
        assert [(held.problem, held.index) for held in reader.sample_keys(1)] == [("P/0", 0), ("P/0", 1), ("P/0", 2)]
        assert [pending.source for pending in reader.pending(1)] == ["source of     return x\n"]
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("SELECT id FROM sample ORDER BY id").fetchall() == [(4,), (7,), (8,)]


def test_flops_that_an_earlier_version_summed_as_zero_are_not_known(tmp_path):
    path = tmp_path / "old.db"
    old_store(path, "v2")
    Store(path).close()
    with Reader(path) as reader:
        (row,), (model,) = reader.tallies(1), reader.models(1)
    assert (row.prompt_flops, row.decode_flops) == (None, None)
    assert unit_cost(model, [row], Unit.FLOPS, PromptCharge.EACH) is None
    assert unit_cost(model, [row], Unit.SECONDS, PromptCharge.EACH).each == pytest.approx(0.875)


def test_facts_still_refer_to_facts_that_are_there(tmp_path, support):
    path = tmp_path / "new.db"
    with Store(path) as store:
        ids = store.open_study(support.study_record())
        with pytest.raises(Exception, match="FOREIGN KEY"):
            store._call(lambda connection: connection.execute("INSERT INTO claim VALUES(99, 1, NULL)"))
        assert ids.models


def run_with_older_default(folder, support, *, asked: str = "", more: str = "") -> tuple[list[Study], list[str]]:
    """Run a study, give its store the older default of `processes`, and run it for more samples; what was opened, said.

    `asked` is added to the file of both runs, `more` to that of the second.
    """
    study = load_study(support.write_study(folder, samples=1, more=asked))
    run_study(study, support.rule_dependencies(), lambda _: None)
    with closing(sqlite3.connect(study.store)) as connection:
        connection.execute("UPDATE study SET limits_json = json_set(limits_json, '$.processes', 32)")
        connection.commit()
    opened: list[Study] = []
    notices: list[str] = []

    def executor(of: Study) -> object:
        opened.append(of)
        return support.FakeExecutor()

    def tell(event: object) -> None:
        if isinstance(event, Notice) and event.kind == "sandbox":
            notices.append(event.message)

    grown = load_study(support.write_study(folder, samples=2, more=asked + more))
    run_study(grown, replace(support.rule_dependencies(), executor=executor), tell)
    return opened, notices


def test_an_older_default_stays_in_its_store_and_is_told(tmp_path, support):
    (study,), (notice,) = run_with_older_default(tmp_path, support, asked="[sandbox]\ncpu_s = 1.0\n")
    assert (study.limits.processes, study.limits.cpu_s) == (32, 1.0)
    assert study.chosen_limits == {"cpu_s"}  # a data set's own number of processes still replaces the stored default
    assert "processes = 32 (now 80)" in notice
    with Reader(study.store) as reader:
        (row,) = reader.studies()
    assert (row.sampled, row.scored) == (6, 6)


def test_a_limit_that_the_study_file_sets_is_not_taken_from_the_store(tmp_path, support):
    with pytest.raises(StudyChanged, match=r"\"processes\":32.*\"processes\":80"):
        run_with_older_default(tmp_path, support, more="[sandbox]\nprocesses = 80\n")


def test_packages_that_the_study_file_no_longer_names_stay_and_new_ones_are_refused(tmp_path, support):
    first = load_study(support.write_study(tmp_path, more='[sandbox]\npackages = ["numpy"]\n'))
    run_study(first, support.rule_dependencies(), lambda _: None)
    without, kept = load_study(support.write_study(tmp_path)).as_stored(first.record(support.problems(3)).limits)
    assert without.packages == ("numpy",)
    assert "packages = ('numpy',) (now ())" in kept
    other = load_study(support.write_study(tmp_path, more='[sandbox]\npackages = ["scipy"]\n'))
    with pytest.raises(StudyChanged, match="scipy"):
        run_study(other, support.rule_dependencies(), lambda _: None)


def test_an_import_into_a_store_with_an_older_default_goes_on(tmp_path, support):
    problems = support.write_study(tmp_path).parent / "problems.jsonl"
    samples = tmp_path / "a.jsonl"
    samples.write_text('{"task_id": "P/0", "completion": "    return x"}\n')
    words = ["import", str(tmp_path / "s.db"), str(samples), "--problems", str(problems), "--model", "m"]
    assert CliRunner().invoke(cli, words).exit_code == Exit.OK
    with closing(sqlite3.connect(tmp_path / "s.db")) as connection:
        connection.execute("UPDATE study SET limits_json = json_set(limits_json, '$.processes', 32)")
        connection.commit()
    again = CliRunner().invoke(cli, words)
    assert again.exit_code == Exit.OK, again.output
