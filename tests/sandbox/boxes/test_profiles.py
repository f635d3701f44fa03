"""Profiles of packages: what their files say, and how commands and images take them."""

from __future__ import annotations

import re

import pytest
from click.testing import CliRunner

from sandbox.boxes.image import ImageSpec, image_tag
from sandbox.boxes.profiles import profile_names, read_profile
from sandbox.cli import cli
from sandbox.commands.command_line import USAGE
from sandbox.problems import CATALOGUE


@pytest.mark.parametrize("name", profile_names())
def test_every_package_of_a_profile_is_pinned_and_something_is_imported_in_advance(name: str) -> None:
    profile = read_profile(name)
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][A-Za-z0-9.+]*", package) for package in profile.packages)
    assert len({package.partition("==")[0].lower() for package in profile.packages}) == len(profile.packages)
    assert "numpy" in profile.preload
    assert all(": " in told for told in profile.missing), "each missing package has its reason"
    assert all("==" in one.requirement for one in profile.data)


def test_a_data_set_names_a_profile_that_there_is_and_so_does_the_command_line() -> None:
    assert {one.profile for one in CATALOGUE.values() if one.profile} <= set(profile_names())
    told = " ".join(CliRunner().invoke(cli, ["build", "--help"]).output.split())
    assert all(name in told.partition("--profile")[2] for name in profile_names())


def test_data_that_a_library_would_download_is_part_of_the_image() -> None:
    spec = read_profile("bigcodebench").image_spec()
    assert {one.place for one in spec.shared} == {"nltk_data/corpora/stopwords", "nltk_data/tokenizers/punkt"}


def test_a_profile_that_there_is_not_is_refused_before_an_engine_is_asked() -> None:
    done = CliRunner().invoke(cli, ["build", "--profile", "bigcode"])
    assert done.exit_code == USAGE
    assert "no profile 'bigcode'; there are bigcodebench" in done.output


def test_more_packages_may_be_added_and_another_list_of_imports_is_another_image() -> None:
    profile = read_profile("scientific")
    spec = profile.image_spec("3.13", ("tqdm",))
    assert (spec.python, spec.packages[-1], spec.preload) == ("3.13", "tqdm", profile.preload)
    numpy = ImageSpec(packages=("numpy",))
    tags = {image_tag(one) for one in (numpy, ImageSpec(packages=("numpy",), preload=("numpy.linalg",)), spec)}
    assert len(tags) == 3


@pytest.mark.parametrize("module", ["", "a-b", "a..b", "os; print()", "a\nb"])
def test_what_is_no_module_is_refused(module: str) -> None:
    with pytest.raises(ValueError, match="is no module such as numpy"):
        ImageSpec(preload=(module,))
