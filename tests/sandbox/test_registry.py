"""Plugins that are broken, that clash, or that are none: each is named with its error, and all else goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.registry import GROUPS, PluginError, Registry

GOOD = """
from dataclasses import replace
from sandbox.languages.script_languages import LUA
FIRST = replace(LUA, name="first", extension=".first", aliases=())
OTHER = replace(LUA, name="other", extension=".first", aliases=())
RENAMED = replace(LUA, name="something", extension=".something", aliases=())
"""


def package(site: Path, name: str, module: str, *points: str, group: str = "languages", version: str = "2.5") -> None:
    """Lay an installed package down: a module, and the metadata that an installer writes."""
    (site / f"{name}.py").write_text(module)
    metadata = site / f"{name}-{version}.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    lines = [f"{point.partition('=')[0]} = {name}{point.partition('=')[2]}" for point in points]
    (metadata / "entry_points.txt").write_text("\n".join([f"[codebudget.{group}]", *lines, ""]))


def run(site: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def listed(site: Path) -> tuple[int, dict[tuple[str, str], str | None]]:
    """The exit code of `sampler plugins`, and the error of each plugin by its name and package."""
    told = run(site, "-c", "from sampler.cli import main; main()", "plugins", "--added", "--json")
    return told.returncode, {(row["name"], row["package"]): row["error"] for row in json.loads(told.stdout)}


def known(site: Path) -> subprocess.CompletedProcess[str]:
    return run(site, "-c", "from sandbox.languages import names; print(*names())")


@pytest.mark.parametrize(
    ("module", "reason"),
    [
        ("import not_there", "cannot be loaded: ModuleNotFoundError: No module named 'not_there'"),
        ("raise RuntimeError('no licence')", "cannot be loaded: RuntimeError: no licence"),
        ("import sys; sys.exit(3)", "cannot be loaded: SystemExit: 3"),
        ("", "cannot be loaded: AttributeError"),
        ("FIRST = 5", "is a int; it must be a Language"),
    ],
)
def test_a_plugin_that_fails_is_named_with_its_error_and_the_rest_goes_on(
    tmp_path: Path, module: str, reason: str
) -> None:
    package(tmp_path, "broken", module, "first=:FIRST")
    package(tmp_path, "whole", GOOD.replace("first", "second"), "second=:FIRST")
    code, errors = listed(tmp_path)
    assert code == 1
    assert errors["second", "whole"] is None
    assert str(errors["first", "broken"]).startswith(
        "plugin 'first' of codebudget.languages (package broken 2.5) " + reason
    )
    told = known(tmp_path)
    assert told.stdout.split()[:2] == ["python", "bash"]
    assert told.stdout.split()[-1] == "second"
    assert told.stderr.count("(package broken 2.5)") == 1


def test_a_name_that_two_packages_register_is_refused_to_both(tmp_path: Path) -> None:
    package(tmp_path, "one", GOOD, "first=:FIRST")
    package(tmp_path, "two", GOOD, "first=:FIRST")
    code, errors = listed(tmp_path)
    assert code == 1
    assert "two registers the same name" in str(errors["first", "one"])
    assert "one registers the same name" in str(errors["first", "two"])
    assert "first" not in known(tmp_path).stdout.split()


def test_a_plugin_takes_no_name_of_what_is_built_in(tmp_path: Path) -> None:
    package(tmp_path, "taker", GOOD.replace('"first"', '"cpp"'), "cpp=:FIRST")
    code, errors = listed(tmp_path)
    assert code == 1
    assert "codebudget registers the same name" in str(errors["cpp", "taker"])
    told = run(tmp_path, "-c", "from sandbox.languages import find_language; print(find_language('cpp').title)")
    assert told.stdout == "C++\n"


def test_a_language_takes_no_name_or_extension_of_another(tmp_path: Path) -> None:
    package(tmp_path, "clashing", GOOD, "first=:FIRST", "other=:OTHER", "renamed=:RENAMED")
    _, errors = listed(tmp_path)
    assert errors["first", "clashing"] is None
    assert errors["other", "clashing"] == "'.first' belongs to the language 'first' already"
    assert "is called 'something'" in str(errors["renamed", "clashing"])


def test_a_python_program_is_run_without_looking_for_plugins(tmp_path: Path) -> None:
    package(tmp_path, "broken", "raise RuntimeError", "first=:FIRST")
    source = (
        "import sandbox.commands.exec, sandbox.registry as registry\n"
        "from sandbox.languages import language_of_file, named\n"
        "print(language_of_file('a.py'), named('python'), registry._entry_points.cache_info().misses)"
    )
    told = run(tmp_path, "-c", source)
    assert (told.stdout, told.stderr) == ("python python 0\n", "")


def test_what_is_built_in_needs_no_plugin_to_be_imported(tmp_path: Path) -> None:
    package(tmp_path, "broken", "raise RuntimeError", "first=:FIRST")
    told = run(tmp_path, "-c", "from sandbox.languages import language_of_file; print(language_of_file('a.cpp'))")
    assert (told.stdout, told.stderr) == ("cpp\n", "")


def test_a_registry_says_what_it_knows_where_a_name_is_none() -> None:
    registry = Registry("exporters", object)
    with pytest.raises(PluginError, match=r"no plugin of codebudget.exporters is called 'xml'; there are .*jsonl"):
        registry.load("xml")
    with pytest.raises(ValueError, match="there is no group"):
        Registry("screens", object)


@pytest.mark.parametrize("group", GROUPS)
def test_what_the_project_registers_is_there_and_can_be_loaded(group: str) -> None:
    registry = Registry(group, object)
    assert registry.built_in
    assert registry.values(built_in=True).keys() == set(registry.built_in)
    assert registry.errors == {}


FORMATS = """
from sandbox.problems.problem_formats import ProblemFormat
from codebudget_helper import fail, takes_nothing
FAILS = ProblemFormat(knows=fail, read=fail)
READS = ProblemFormat(knows=lambda row: "reads" in row, read=lambda row, place: {"no": "problem"})
SIGNED = ProblemFormat(knows=lambda row: "signed" in row, read=takes_nothing)
REFUSES = ProblemFormat(knows=lambda row: "refuses" in row, read=lambda row, place: int("x"))
"""
HELPER = """
def fail(*_):
    raise RuntimeError("no licence")
def takes_nothing():
    pass
"""


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("reads", "line 1: plugin 'reads' of codebudget.problems (package mine 2.5) failed: AttributeError"),
        ("signed", "line 1: plugin 'signed' of codebudget.problems (package mine 2.5) failed: TypeError"),
        ("refuses", "line 1: invalid literal"),
        ("other", "line 1: 'task_id' is missing"),
    ],
)
def test_a_format_that_fails_is_named_and_keeps_no_row_from_other_formats(
    tmp_path: Path, field: str, told: str
) -> None:
    (tmp_path / "codebudget_helper.py").write_text(HELPER)
    points = ("fails=:FAILS", "reads=:READS", "signed=:SIGNED", "refuses=:REFUSES")
    package(tmp_path, "mine", FORMATS, *points, group="problems")
    (tmp_path / "rows.jsonl").write_text(json.dumps({field: 1}) + "\n")
    ran = run(tmp_path, "-c", "from sandbox.cli import main; main()", "problems", str(tmp_path / "rows.jsonl"))
    assert ran.returncode == 2
    assert told in ran.stderr
    assert ran.stderr.count("(package mine 2.5): `knows` failed: RuntimeError: no licence") == 1


BACKENDS = """
from sampler.backends.open import BackendKind
from sampler.values import ModelCard
from codebudget_helper import fail, takes_nothing
class Backend:
    card = ModelCard(name="m", digest=None, architecture=None, engine="mine 1")
    def __init__(self, sample, close=lambda: None):
        self.sample, self.close = sample, close
FAILS = BackendKind(open=fail)
SIGNED = BackendKind(open=takes_nothing)
NOTHING = BackendKind(open=lambda *_: None)
BREAKS = BackendKind(open=lambda *_: Backend(fail))
NUMBERS = BackendKind(open=lambda *_: Backend(lambda *_: iter([5])))
CLOSES = BackendKind(open=lambda *_: Backend(lambda *_: iter(()), fail))
"""
SAMPLE = """
import sys
from sampler.backends.open import open_backend
with open_backend(sys.argv[1], "m") as opened:
    list(opened.sample([], None))
"""


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("fails", "failed: RuntimeError: no licence"),
        ("signed", "failed: TypeError: takes_nothing() takes 0 positional arguments"),
        ("nothing", "has opened None, which has no `card` or cannot `sample`"),
        ("breaks", "failed: RuntimeError: no licence"),
        ("numbers", "failed: TypeError: it yields 5, which is no Sample"),
        ("closes", "failed: RuntimeError: no licence"),
    ],
)
def test_a_backend_of_a_plugin_that_fails_is_named_and_is_no_bug_of_ours(tmp_path: Path, name: str, told: str) -> None:
    (tmp_path / "codebudget_helper.py").write_text(HELPER)
    package(tmp_path, "mine", BACKENDS, f"{name}=:{name.upper()}", group="backends")
    ran = run(tmp_path, "-c", SAMPLE, name)
    said = f"sampler.backends.base.BackendError: plugin {name!r} of codebudget.backends (package mine 2.5) {told}"
    assert said in ran.stderr


@pytest.mark.parametrize(
    ("group", "value", "told"),
    [
        ("backends", "sampler.backends.open import BackendKind as K; V = K(open=print, options=dict)", "a dataclass"),
        ("exporters", "sampler.exporting import Exporter as K; V = K(suffix='.x')", "has `write` or `send`"),
    ],
)
def test_a_plugin_that_can_do_nothing_is_refused_when_it_is_loaded(
    tmp_path: Path, group: str, value: str, told: str
) -> None:
    package(tmp_path, "mine", f"from {value}", "mine=:V", group=group)
    code, errors = listed(tmp_path)
    assert code == 1
    assert told in str(errors["mine", "mine"])
