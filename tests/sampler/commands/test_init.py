"""`sampler init` writes a study that is right as it is, and right with any of its comments taken up."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from sampler.commands import cli
from sampler.commands.init import START, start_study
from sampler.exit_codes import Exit
from sampler.study.problem_choice import choose_problems
from sampler.study.spec import load_study
from sampler.study.toml_table import SpecError


def test_the_study_to_start_from_is_a_study(tmp_path):
    path = tmp_path / "mine.toml"
    done = CliRunner().invoke(cli, ["init", str(path)])
    assert (done.exit_code, done.output) == (0, f"wrote {path}; `sampler run --pull {path}` runs it\n")
    study = load_study(path)
    assert (study.name, study.store) == ("mine", tmp_path / "mine.db")
    assert len(choose_problems(study.problems)) == 21
    assert [model.name.endswith("(greedy)") for model in study.models] == [False, True, False, True]


def test_a_file_that_is_there_is_never_written_over(tmp_path):
    path = tmp_path / "study.toml"
    path.write_text("mine")
    done = CliRunner().invoke(cli, ["init", str(path)])
    assert done.exit_code == Exit.USAGE
    assert "is there already and stays as it is" in done.output
    assert path.read_text() == "mine"
    with pytest.raises(SpecError, match="choose a folder that is there"):
        start_study(tmp_path / "no" / "study.toml")


COMMENTED = [line for line in START.split("\n") if re.match(r"# (\w+ =|\[)", line)]


ALONE = r"# (store|limit|boxes|packages|model|stop|split) "


@pytest.mark.parametrize("line", [line for line in COMMENTED if re.match(ALONE, line)])
def test_each_commented_key_is_a_key(tmp_path, line):
    path = tmp_path / "study.toml"
    start_study(path)
    text = path.read_text(encoding="utf-8")
    shown = line.format(name="study")
    path.write_text(text.replace(shown, shown.removeprefix("# ")), encoding="utf-8")
    load_study(path)


def test_each_commented_table_is_a_table(tmp_path):
    path = tmp_path / "study.toml"
    start_study(path)
    text = path.read_text(encoding="utf-8")
    for table in (r"\[models\.options\]", r"\[models\.costs\]", r"\[\[models\]\]", r"\[report\.budgets\]"):
        found = re.search(rf"(# {table}.*\n)(# \w+ = .*\n)+", text)
        assert found is not None
        taken_up = re.sub(r"^# ", "", found[0], flags=re.MULTILINE)
        path.write_text(text.replace(found[0], taken_up), encoding="utf-8")
        load_study(path)
