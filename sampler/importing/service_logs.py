"""Read logs of inspect_ai, outputs of batches in OpenAI's and Anthropic's forms, and replies of Ollama, as samples.

A log of inspect_ai is a zip file of JSON (`.eval`): `header.json` says which model was asked, and `samples/` has a
file for each sample and epoch; or it is the same as one JSON document. A batch is JSON lines that bind a `custom_id`
of the user's to the `response` of a request.

See https://inspect.aisi.org.uk/eval-logs.html and https://platform.openai.com/docs/guides/batch.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

from sampler.backends.openai.answer import End, ended, text_of_choice
from sampler.importing.imported_sample import (
    ENDS,
    Claim,
    Imported,
    ImportFault,
    MissingText,
    count_of,
    finish_of,
    list_of,
    seconds_of,
    table_of,
    text_of,
)
from sampler.values import Finish
from sandbox.problems.json_fields import long_integers

LARGEST = 256 << 20  # bytes of one entry of a log: with its transcript, a sample of an agent may have many
ZSTANDARD = 93  # the method of compression that newer logs use, by APPNOTE.TXT 4.4.5
INSPECT_EXAMPLE = (
    '{"eval": {"model": "openai/gpt-4o"}, "samples": [{"id": "HumanEval/0", "epoch": 1, "output": {"choices": '
    '[{"message": {"content": "def f(): ..."}, "stop_reason": "stop"}], "usage": {"input_tokens": 5, '
    '"output_tokens": 7}}, "scores": {"verify": {"value": "C"}}}]}'
)
OPENAI_BATCH_EXAMPLE = (
    '{"custom_id": "HumanEval/0#3", "response": {"status_code": 200, "body": {"model": "gpt-4o", "choices": '
    '[{"message": {"content": "def f(): ..."}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 5, '
    '"completion_tokens": 7}}}, "error": null}'
)


def values_of_eval(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield the samples of a `.eval` file, each as a log of one sample, with its place; raises ImportFault."""
    try:
        with zipfile.ZipFile(path) as log:
            names = sorted(name for name in log.namelist() if re.fullmatch(r"samples/.+\.json", name))
            heads = [name for name in ("header.json", "_journal/start.json") if name in log.namelist()]
            if not heads:
                raise ImportFault(f"{path} is a zip file without header.json, so no log of inspect_ai")
            head = {"eval": table_of(_entry(log, heads[0], path), heads[0]).get("eval")}
            for name in names:
                yield f"{path}, {name}", head | {"samples": [_entry(log, name, path)]}
    except (zipfile.BadZipFile, OSError, EOFError) as error:
        raise ImportFault(f"cannot read {str(path)!r}: {error}; get it again") from error


def _entry(log: zipfile.ZipFile, name: str, path: Path) -> Any:
    """Return the JSON of an entry; raises ImportFault."""
    found = log.getinfo(name)
    if found.file_size > LARGEST:
        raise ImportFault(f"{path}, {name}: it has {found.file_size} bytes; at most {LARGEST} are read")
    if found.compress_type == ZSTANDARD:
        with suppress(ImportError):
            import_module("zipfile_zstd")  # teaches `zipfile` the method; inspect_ai brings it
    try:
        with log.open(found) as entry, long_integers():
            return json.loads(entry.read(LARGEST))
    except NotImplementedError as error:
        raise ImportFault(
            f"{path}, {name}: it is compressed by Zstandard; pip install zipfile-zstd, or run `inspect log convert "
            f"--to json --output-dir DIR {path}` and import what it writes"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ImportFault(f"{path}, {name}: not JSON ({error})") from error


def is_inspect(row: object) -> bool:
    """Return whether a file is a log of inspect_ai."""
    return isinstance(row, dict) and isinstance(row.get("eval"), dict) and isinstance(row.get("samples"), list)


def inspect_samples(row: Any) -> Iterator[Imported | MissingText]:
    """Yield the samples of a log; the number of a sample is that of its epoch, if it has one choice."""
    model = row["eval"].get("model")
    for number, one in enumerate(row["samples"]):
        sample = table_of(one, f"sample {number}")
        output = table_of(sample.get("output") or {}, "output")
        choices = list_of(output.get("choices") or [], "choices")
        where = f"sample {sample.get('id')!r}, epoch {sample.get('epoch')}"
        if not choices:
            error = sample.get("error")
            why = error.get("message") if isinstance(error, dict) else error
            yield MissingText(f"{where}: there is no answer" + (f", but an error: {why!r:.60}" if why else ""))
            continue
        for at, one_choice in enumerate(choices):
            choice = table_of(one_choice, f"choices.{at}")
            text, thought = _content(table_of(choice.get("message") or {}, "message").get("content"))
            if _withheld(choice.get("stop_reason")) or (not text and sample.get("error")):
                yield MissingText(f"{where}: the answer was withheld or broken off ({choice.get('stop_reason')!r:.40})")
                continue
            usage = _known_usage(output, "input_tokens", "output_tokens", "input_tokens_cache_read")
            found = _inspect_sample(sample, usage, alone=len(choices) == 1)
            yield replace(
                found,
                text=text,
                thought=thought,
                model=str(model) if model else None,
                finish=_finish(choice.get("stop_reason")),
                claim=_claim(sample.get("scores")) if at == 0 else None,
            )


def _inspect_sample(sample: Mapping[str, Any], usage: Mapping[str, Any], *, alone: bool) -> Imported:
    """Return what a sample's choices have in common.

    What several choices have written is known in sum alone, and scores are of the first one.
    """
    epoch = count_of(sample, "epoch")
    return Imported(
        problem=sample["id"],
        prompt=sample.get("input") if isinstance(sample.get("input"), str) else None,
        text="",
        index=epoch - 1 if epoch and alone else None,
        prompt_tokens=_read(usage),
        prompt_shared=not alone,
        completion_tokens=count_of(usage, "output_tokens") if alone else None,
        thought_tokens=count_of(usage, "reasoning_tokens") if alone else None,
        cached_tokens=count_of(usage, "input_tokens_cache_read"),
        cache_write_tokens=count_of(usage, "input_tokens_cache_write"),
    )


def _known_usage(answer: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    """Return the usage of an answer; empty if all counts of these names are 0, as of services that count nothing."""
    usage = table_of(answer.get("usage") or {}, "usage")
    counts = [usage[name] for name in names if name in usage]
    return {} if counts and not any(counts) else usage


def _read(usage: Mapping[str, Any]) -> int | None:
    """Return the tokens of a prompt, those of the cache included.

    inspect_ai takes what was read from a cache, and of some providers what was written into one, out of `input_tokens`,
    but not out of `total_tokens`; older logs have all of them in `input_tokens`.
    """
    rest, written = count_of(usage, "input_tokens"), count_of(usage, "output_tokens")
    cached = count_of(usage, "input_tokens_cache_read") or 0
    stored = count_of(usage, "input_tokens_cache_write") or 0
    total = count_of(usage, "total_tokens")
    if rest is None or not cached + stored:
        return rest
    if total is None or written is None:
        return rest if rest >= cached + stored else rest + cached + stored
    beside = total - rest - written
    return rest + beside if beside in {cached, stored, cached + stored} else rest


def _claim(scores: object) -> Claim | None:
    """Return the verdict of the first scorer whose value is a truth: "C" and "I", or 1 and 0."""
    for name, score in scores.items() if isinstance(scores, dict) else ():
        value = score.get("value") if isinstance(score, dict) else None
        if (isinstance(value, str) and value in {"C", "I"}) or (isinstance(value, int | float) and value in {0, 1}):
            return Claim(passed=value in {"C", 1}, said=f"{name}: {value}")
    return None


def _content(content: object) -> tuple[str, str | None]:
    """Return the text of a message, and its thought; a message may be a list of parts.

    A model that wrote no answer, or refused in words, has answered all the same.
    """
    if content is None or isinstance(content, str):
        return content or "", None
    parts = [table_of(part, "a part of the content") for part in list_of(content, "content")]
    fields = {"text": "text", "output_text": "text", "refusal": "refusal"}
    texts = [text_of(part, fields[part["type"]]) for part in parts if part.get("type") in fields]
    field_of = {True: "summary", False: "reasoning"}  # what was redacted is a cipher, and has at most a summary
    thoughts = [
        str(part.get(field_of[bool(part.get("redacted"))]) or "") for part in parts if part.get("type") == "reasoning"
    ]
    return "".join(texts), ("".join(thoughts) or None)


def _withheld(reason: object) -> bool:
    """Return whether a filter or a fault of the service ended an answer: that is no sample of the model."""
    return isinstance(reason, str) and ended(reason) in {End.FILTERED, End.ABORTED}


def _finish(reason: object) -> Finish | None:
    return ENDS.get(ended(reason)) if isinstance(reason, str) else None


def is_openai_batch(row: object) -> bool:
    """Return whether a line is the output of a request of a batch."""
    return isinstance(row, dict) and {"custom_id", "response"} <= row.keys()


def openai_batch_samples(row: Any) -> Iterator[Imported | MissingText]:
    """Yield the samples of a request: of /v1/chat/completions, /v1/completions or /v1/responses.

    `custom_id` is the problem's name, or NAME#INDEX. What a request of several choices has written is known in sum
    alone, so their tokens are unknown.
    """
    asked = text_of(row, "custom_id")
    named = re.fullmatch(r"(.+)#(\d{1,9})", asked, re.DOTALL)
    response = row["response"]
    body = response.get("body") if isinstance(response, dict) else None
    error = row.get("error") or (body.get("error") if isinstance(body, dict) else body)
    if not isinstance(body, dict) or error or str(response.get("status_code", 200)) != "200":
        why = error.get("message") if isinstance(error, dict) else error or "no response"
        raise MissingText(f"{asked}: there is no answer, but an error: {why!r:.60}")
    answers = list(_answers(body))
    if not answers:
        raise MissingText(f"{asked}: the response holds no answer")
    usage = _known_usage(body, "prompt_tokens", "completion_tokens", "input_tokens", "output_tokens")
    alone = len(answers) == 1
    read = ("prompt_tokens_details", "input_tokens_details")
    for text, thought, finish in answers:
        if _withheld(finish):
            yield MissingText(f"{asked}: the answer was withheld or broken off ({finish!r:.40})")
            continue
        yield Imported(
            problem=named[1] if named else asked,
            text=text,
            thought=thought,
            model=None if body.get("model") is None else text_of(body, "model"),
            index=int(named[2]) if named and alone else None,
            finish=_finish(finish),
            prompt_tokens=_either(usage, "prompt_tokens", "input_tokens"),
            prompt_shared=not alone,
            completion_tokens=_either(usage, "completion_tokens", "output_tokens") if alone else None,
            thought_tokens=_detail(usage, ("completion_tokens_details", "output_tokens_details"), "reasoning_tokens")
            if alone
            else None,
            cached_tokens=_detail(usage, read, "cached_tokens"),
            cache_write_tokens=_detail(usage, read, "cache_write_tokens"),
        )


def _answers(body: Mapping[str, Any]) -> Iterator[tuple[str, str | None, object]]:
    """Yield the text, the thought and the end of each answer of a response."""
    if "output" in body:
        messages = [
            one for one in list_of(body["output"], "output") if table_of(one, "output").get("type") == "message"
        ]
        said_in = [_content(one.get("content") or []) for one in messages]
        why = body.get("incomplete_details")
        reason = why.get("reason") if isinstance(why, dict) else None
        thoughts = "".join(thought for _, thought in said_in if thought)
        yield "\n\n".join(text for text, _ in said_in), thoughts or None, reason or body.get("status")
        return
    for one in list_of(body.get("choices") or [], "choices"):
        choice = table_of(one, "a choice")
        if "text" in choice:
            yield text_of(choice, "text"), None, choice.get("finish_reason")
            continue
        message = table_of(choice.get("message") or {}, "message")
        if not message:
            continue
        words = text_of_choice({"message": message})
        yield words.text, words.thought or None, choice.get("finish_reason")


def _either(usage: Mapping[str, Any], *names: str) -> int | None:
    return next((found for name in names if (found := count_of(usage, name)) is not None), None)


def _detail(usage: Mapping[str, Any], tables: tuple[str, ...], name: str) -> int | None:
    for table in tables:
        if isinstance(usage.get(table), dict):
            return count_of(usage[table], name)
    return None


# Results of Anthropic's batches of messages: a `custom_id` and what came of it on every line.
#
# See https://docs.anthropic.com/en/api/retrieving-message-batch-results. `input_tokens` are those that no cache held.

ANTHROPIC_BATCH_EXAMPLE = (
    '{"custom_id": "HumanEval-0", "result": {"type": "succeeded", "message": {"model": "claude-opus-4-5", "content": '
    '[{"type": "text", "text": "def f(): ..."}], "stop_reason": "end_turn", "usage": {"input_tokens": 5, '
    '"output_tokens": 7}}}}'
)


def is_anthropic_batch(row: object) -> bool:
    """Return whether a line is the result of a request of a batch."""
    return isinstance(row, dict) and "custom_id" in row and isinstance(row.get("result"), dict)


def anthropic_batch_samples(row: Any) -> Iterator[Imported | MissingText]:
    """Yield the sample of a request; `custom_id` is the problem's name, or NAME__INDEX: it cannot hold a slash or #."""
    asked, result = text_of(row, "custom_id"), row["result"]
    if result.get("type") != "succeeded":
        error = result.get("error") or {}
        inner = error.get("error", error) if isinstance(error, dict) else error
        why = inner.get("message") if isinstance(inner, dict) else inner
        kind = f"{result.get('type')!r:.40}" + (f", {why!r:.60}" if why else "")
        raise MissingText(f"{asked}: there is no answer: {kind}")
    message = table_of(result.get("message"), "message")
    reason = message.get("stop_reason")
    if _withheld(reason):
        raise MissingText(f"{asked}: the answer was withheld or broken off ({reason!r:.40})")
    answer = text_of_choice({"message": message})
    usage = table_of(message.get("usage") or {}, "usage")
    cached, stored = count_of(usage, "cache_read_input_tokens"), count_of(usage, "cache_creation_input_tokens")
    rest = count_of(usage, "input_tokens")
    named = re.fullmatch(r"(.+)__(\d{1,9})", asked, re.DOTALL)
    yield Imported(
        problem=named[1] if named else asked,
        text=answer.text,
        thought=answer.thought or None,
        model=None if message.get("model") is None else text_of(message, "model"),
        index=int(named[2]) if named else None,
        finish=_finish(reason),
        prompt_tokens=None if rest is None else rest + (cached or 0) + (stored or 0),
        completion_tokens=count_of(usage, "output_tokens"),
        cached_tokens=cached,
        cache_write_tokens=stored,
    )


# Answers of Ollama with its own counts and times.
#
# `eval_count` tokens in `eval_duration` nanoseconds, the prompt's likewise.
#
# Either one object {problem: [[answer, {counts …}], …]}, or a reply a line with a `task_id` put to it. Time for loading
# the model is no cost of a sample and is passed over.

OLLAMA_EXAMPLE = (
    '{"HumanEval/0": [["    return 1", {"prompt_eval_count": 197, "prompt_eval_duration": 572604786, '
    '"eval_count": 41, "eval_duration": 581462322, "result": "passed"}]]}'
)
OLLAMA_LINE_EXAMPLE = (
    '{"task_id": "HumanEval/0", "response": "    return 1", "eval_count": 41, "eval_duration": 581462322}'
)


def is_ollama(row: object) -> bool:
    """Return whether a file is of the first kind."""
    if not isinstance(row, dict) or not row:
        return False
    first = next(iter(row.values()))
    return isinstance(first, list) and all(
        isinstance(pair, list) and len(pair) == 2 and isinstance(pair[1], dict) and "eval_count" in pair[1]
        for pair in first[:1]
    )


def ollama_samples(row: Any) -> Iterator[Imported | MissingText]:
    """Yield all samples of a file of the first kind."""
    for name, pairs in row.items():
        for pair in list_of(pairs, name):
            text, told = list_of(pair, f"an answer of {name}")
            if text is None:
                yield MissingText(f"an answer of {name} is null")
                continue
            yield _ollama_reply(name, text, table_of(told, f"what stands beside an answer of {name}"))


def is_ollama_line(row: object) -> bool:
    """Return whether a line is a reply with its problem."""
    return (
        isinstance(row, dict) and "task_id" in row and ("response" in row or "message" in row) and "eval_count" in row
    )


def ollama_line_samples(row: Any) -> Iterator[Imported]:
    """Yield the sample of a reply."""
    if row.get("error") and not row.keys() & {"response", "message"}:
        raise MissingText(f"there is no answer, but an error: {row['error']!r:.60}")
    reply = row if "response" in row else table_of(row["message"], "message")
    text, thought = reply["response" if reply is row else "content"], reply.get("thinking")
    model = row.get("model")
    yield replace(
        _ollama_reply(row["task_id"], text, row),
        thought=thought if isinstance(thought, str) else None,
        model=model if isinstance(model, str) and model else None,
    )


def _ollama_reply(name: str, text: object, told: dict[str, Any]) -> Imported:
    if text is None:
        raise MissingText(f"the answer of {name} is null")
    if not isinstance(text, str):
        raise TypeError(f"an answer of {name} is {text!r:.40}, not a text")
    verdict = told.get("result")
    said_so = None if verdict == "passed" else verdict
    claim = Claim(passed=verdict == "passed", said=said_so) if isinstance(verdict, str) else None
    return Imported(
        problem=name,
        text=text,
        finish=finish_of(told, "done_reason"),
        prompt_tokens=count_of(told, "prompt_eval_count"),
        completion_tokens=count_of(told, "eval_count"),
        prompt_seconds=seconds_of(told, "prompt_eval_duration", nanoseconds=True),
        decode_seconds=seconds_of(told, "eval_duration", nanoseconds=True),
        claim=claim,
    )
