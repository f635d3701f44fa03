"""The wheel, in an environment that knows nothing of this folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("sandbox", "sampler", "tui")


def run(*command: str | Path, folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        env=environment | more,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment that has the wheel; skipped where no package index answers."""
    folder = tmp_path_factory.mktemp("installed")
    made = run(sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT, folder=folder)
    if made.returncode and "No matching distribution found" in made.stdout + made.stderr:
        pytest.skip("no package index is within reach")
    assert made.returncode == 0, made.stdout + made.stderr
    (wheel,) = folder.glob("*.whl")
    assert run(sys.executable, "-m", "venv", folder / "venv", folder=folder).returncode == 0
    programs = folder / "venv" / "bin"
    pip = (programs / "python", "-m", "pip", "install", "-qq", "--disable-pip-version-check")
    got = run(*pip, "-c", ROOT / "constraints.txt", wheel, folder=folder)
    assert got.returncode == 0, got.stderr
    return programs


def test_every_program_starts(installed: Path, tmp_path: Path) -> None:
    for program in ("sandbox", "sampler", "budget-tui"):
        said = run(installed / program, "--version", folder=tmp_path)
        assert said.returncode == 0, said.stderr
        assert "0.1.0" in said.stdout


def test_what_is_imported_is_the_wheel_and_is_typed(installed: Path, tmp_path: Path) -> None:
    for package in PACKAGES:
        said = run(installed / "python", "-c", f"import {package}; print({package}.__file__)", folder=tmp_path)
        home = Path(said.stdout.strip()).parent
        assert installed.parent in home.parents
        assert (home / "py.typed").is_file()


def test_every_extra_that_is_pinned_fits_the_other_pins(installed: Path, tmp_path: Path) -> None:
    """`make venv` proves it for the extras that it installs; the others are resolved here, and not downloaded."""
    pinned = set(re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (made,) = re.findall(r"scripts/venv\.sh (\S+)", (ROOT / "Makefile").read_text())
    further = [
        name
        for name, needs in extras.items()
        if name not in made.split(",") and pinned >= {re.split(r"[\[<>=]", need)[0] for need in needs}
    ]
    assert "trackio" in further
    pip = (installed / "python", "-m", "pip", "install", "-qq", "--disable-pip-version-check", "--dry-run")
    for name in further:
        said = run(*pip, "-c", ROOT / "constraints.txt", *extras[name], *extras["frames"], folder=tmp_path)
        assert said.returncode == 0, f"{name}: {said.stderr}"


@pytest.mark.docker
def test_a_program_runs_in_a_box_of_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    said = run(installed / "sandbox", "exec", "-c", "print(6 * 7)", folder=tmp_path)
    assert (said.returncode, said.stdout) == (0, "42\n"), said.stderr


@pytest.mark.docker
def test_a_study_runs_and_is_reported_by_the_installed_wheel(installed: Path, tmp_path: Path) -> None:
    study = tmp_path / "replay.toml"
    study.write_text((ROOT / "examples" / "replay.toml").read_text().replace('"replay/', f'"{ROOT}/examples/replay/'))
    said = run(installed / "sampler", "run", study, "--display", "none", folder=tmp_path)
    assert said.returncode == 0, said.stderr
    page = run(installed / "sampler", "report", tmp_path / "replay.db", "--html", tmp_path / "r.html", folder=tmp_path)
    assert page.returncode == 0, page.stderr
    assert "<svg" in (tmp_path / "r.html").read_text()
