"""What the commands print with --json is what their schemas say, for studies with samples and for counts alone."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from sampler.commands import cli
from sampler.reporting.output_schema import OUTPUTS, output_schema


@pytest.fixture
def counts(tmp_path: Path) -> Path:
    """Two models on five problems: one that some solve, one that nobody does."""
    path = tmp_path / "counts.json"
    small = {"p/0": 9, "p/1": 2, "p/2": 1, "p/3": 0, "p/4": 5}
    large = {"p/0": 10, "p/1": 6, "p/2": 4, "p/3": 0, "p/4": 10}
    path.write_text(json.dumps({"small": {"n": 10, "correct": small}, "large": {"n": 10, "correct": large}}))
    return path


def printed(name: str, counts: Path) -> object:
    files = [f"{counts}:small", f"{counts}:large"] if name == "compare" else [str(counts)]
    sizes = ["--params", "small=1e9", "--params", "large=3e9"]
    unit = ["--unit", "flops_128"] if name == "compare" else []
    done = CliRunner().invoke(cli, [name, *files, *sizes, *unit, "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", OUTPUTS)
def test_the_output_of_a_command_is_of_its_schema(name: str, counts: Path) -> None:
    schema = output_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(printed(name, counts), schema)


@pytest.mark.parametrize("name", OUTPUTS)
def test_a_field_too_many_or_too_few_is_not_of_the_schema(name: str, counts: Path) -> None:
    told = printed(name, counts)
    assert isinstance(told, dict)
    for wrong in (told | {"more": 1}, {key: value for key, value in told.items() if key != "schema"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, output_schema(name))
