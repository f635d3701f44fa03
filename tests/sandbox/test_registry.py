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
        "print(language_of_file('a.py'), named('python'), registry._found.cache_info().misses)"
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
