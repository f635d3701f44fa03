"""The release format of Hassid et al. 2024 (arXiv 2404.00725): all samples of a model in one object."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sampler.importing.imported import Claim, Imported, NoText, list_of, number_of, table_of, text_of

EXAMPLE = '{"HumanEval/0": {"prompt": "def ...", "samples": [{"generation": "    return 1", "pass_at_1": 100.0}]}}'


def recognises(row: object) -> bool:
    """Whether a file is of this format."""
    if not isinstance(row, dict) or not row:
        return False
    first = next(iter(row.values()))
    if not isinstance(first, dict) or not isinstance(first.get("samples"), list):
        return False
    return all(isinstance(one, dict) and "generation" in one for one in first["samples"][:1])


def samples(row: Any) -> Iterator[Imported | NoText]:
    """All samples of a file."""
    for name, problem in row.items():
        prompt = table_of(problem, name).get("prompt")
        for one in list_of(problem["samples"], f"samples of {name}"):
            rate = number_of(table_of(one, f"a sample of {name}"), "pass_at_1")
            claim = None if rate is None else Claim(passed=rate > 0)
            if one.get("generation") is None:
                yield NoText(f"a generation of {name} is null")
                continue
            yield Imported(problem=name, prompt=prompt, text=text_of(one, "generation"), claim=claim)
