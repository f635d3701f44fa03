from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from sampler.importing.imported_sample import Claim, Imported, ImportFault, MissingText
from sampler.importing.sample_files import format_of, samples_of
from sampler.importing.sample_formats import named
from sampler.values import Finish

ANSWER = "```python\ndef f():\n    return 1\n```"


def read(path: Path) -> list[Imported | ImportFault]:
    return [sample for _, sample in samples_of(path, format_of(path, None).samples)]


def inspect_sample(name: str, epoch: int, **more: object) -> dict[str, object]:
    choice = {"message": {"role": "assistant", "content": ANSWER}, "stop_reason": "max_tokens"}
    usage = {"input_tokens": 5, "output_tokens": 9, "input_tokens_cache_read": 2, "reasoning_tokens": 4}
    output = {"model": "m", "choices": [choice], "usage": usage}
    scores = {"verify": {"value": "C", "answer": "…"}}
    return {"id": name, "epoch": epoch, "input": "solve", "output": output, "scores": scores, **more}


def log(path: Path, *samples: dict[str, object], head: str = "header.json") -> Path:
    """A log in the layout of inspect_ai 0.3: names of samples may hold slashes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("_journal/summaries/1.json", "[]")
        made.writestr("summaries.json", "[]")
        for sample in samples:
            made.writestr(f"samples/{sample['id']}_epoch_{sample['epoch']}.json", json.dumps(sample))
        made.writestr(head, json.dumps({"version": 2, "status": "success", "eval": {"model": "openai/gpt-4o"}}))
    return path


@pytest.mark.parametrize("head", ["header.json", "_journal/start.json"])
def test_a_log_of_inspect_is_read_with_epochs_costs_and_claims(tmp_path: Path, head: str) -> None:
    reasoning = [{"type": "reasoning", "reasoning": "First"}, {"type": "text", "text": ANSWER}]
    parts = {"choices": [{"message": {"content": reasoning}, "stop_reason": "stop"}]}
    samples = (
        inspect_sample("HumanEval/0", 1),
        inspect_sample("HumanEval/0", 2, output=parts, scores={"own": {"value": {"a": 1}}, "verify": {"value": 0}}),
        inspect_sample("HumanEval/1", 1, output=None, error={"message": "the sandbox was lost"}),
    )
    found = read(log(tmp_path / "mine.eval", *samples, head=head))
    assert found[0] == Imported(
        problem="HumanEval/0",
        prompt="solve",
        text=ANSWER,
        model="openai/gpt-4o",
        index=0,
        finish=Finish.LENGTH,
        prompt_tokens=5,
        completion_tokens=9,
        cached_tokens=2,
        thought_tokens=4,
        claim=Claim(passed=True, said="verify: C"),
    )
    second = found[1]
    assert isinstance(second, Imported)
    assert (second.text, second.thought, second.index, second.finish) == (ANSWER, "First", 1, Finish.STOP)
    assert second.claim == Claim(passed=False, said="verify: 0")
    assert isinstance(found[2], MissingText)
    assert "the sandbox was lost" in str(found[2])


@pytest.mark.parametrize(
    ("usage", "read_tokens"),
    [
        ({"input_tokens": 7}, 7),
        ({"input_tokens": 7, "input_tokens_cache_read": 100, "total_tokens": 116}, 107),  # without what was cached
        ({"input_tokens": 7, "input_tokens_cache_read": 5, "total_tokens": 16}, 7),  # older logs: with it
        ({"input_tokens": 7, "input_tokens_cache_read": 100, "input_tokens_cache_write": 30, "total_tokens": 146}, 137),
        ({"input_tokens": 7, "input_tokens_cache_read": 100}, 107),
        ({"input_tokens": 107, "input_tokens_cache_read": 100}, 107),
    ],
)
def test_the_tokens_of_a_prompt_are_counted_with_those_of_the_cache(
    tmp_path: Path, usage: dict[str, int], read_tokens: int
) -> None:
    output = {"choices": [{"message": {"content": ANSWER}}], "usage": usage | {"output_tokens": 9}}
    (found,) = read(log(tmp_path / "mine.eval", inspect_sample("HumanEval/0", 1, output=output)))
    assert isinstance(found, Imported)
    assert found.prompt_tokens == read_tokens
    assert (found.cached_tokens or 0) <= read_tokens
    assert found.cache_write_tokens == usage.get("input_tokens_cache_write")


def test_a_log_as_one_json_document_is_read_alike(tmp_path: Path) -> None:
    samples = [inspect_sample("HumanEval/0", 1), inspect_sample("HumanEval/8", 1)]
    document = tmp_path / "mine.json"
    document.write_text(json.dumps({"version": 2, "eval": {"model": "openai/gpt-4o"}, "samples": samples}, indent=1))
    assert read(document) == read(log(tmp_path / "mine.eval", *samples))


def test_what_is_no_log_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("a.txt", "hello")
    with pytest.raises(ImportFault, match=r"without header\.json"):
        read(path)
    whole = log(tmp_path / "cut.eval", inspect_sample("HumanEval/0", 1))
    whole.write_bytes(whole.read_bytes()[:-40])
    with pytest.raises(ImportFault, match="get it again"):
        read(whole)


def request(name: str, **body: object) -> str:
    response = {"status_code": 200, "request_id": "r", "body": {"model": "gpt-4o", **body}}
    return json.dumps({"id": "b", "custom_id": name, "response": response, "error": None}) + "\n"


def test_a_batch_of_chats_is_read_with_its_numbers_and_costs(tmp_path: Path) -> None:
    choice = {"index": 0, "message": {"role": "assistant", "content": ANSWER}, "finish_reason": "length"}
    usage = {
        "prompt_tokens": 7,
        "completion_tokens": 9,
        "prompt_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 4},
    }
    failed = {"custom_id": "HumanEval/2", "response": {"status_code": 429, "body": {"error": {"message": "slow"}}}}
    path = tmp_path / "batch.jsonl"
    path.write_text(
        request("HumanEval/0#3", choices=[choice], usage=usage)
        + request("HumanEval/1", choices=[choice, choice], usage=usage)
        + json.dumps(failed)
    )
    first, second, third, lost = read(path)
    assert first == Imported(
        problem="HumanEval/0",
        text=ANSWER,
        model="gpt-4o",
        index=3,
        finish=Finish.LENGTH,
        prompt_tokens=7,
        completion_tokens=9,
        thought_tokens=4,
        cached_tokens=3,
        cache_write_tokens=2,
    )
    assert isinstance(second, Imported)
    assert second == third
    assert (second.completion_tokens, second.prompt_tokens, second.index, second.prompt_shared) == (None, 7, None, True)
    assert isinstance(lost, MissingText)
    assert "slow" in str(lost)


def test_a_model_that_answered_nothing_or_refused_has_a_sample_and_a_fault_of_the_service_has_none(
    tmp_path: Path,
) -> None:
    def chat(content: object, end: str = "stop", **more: object) -> dict[str, object]:
        return {"message": {"content": content, **more}, "finish_reason": end}

    refusal = [{"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}]
    whole = {"status": "completed", "output": refusal}
    cut = {"status": "incomplete", "output": []}
    samples = [
        request("HumanEval/0", choices=[chat(None, "length", reasoning_content="Well")]),  # the thought took all tokens
        request("HumanEval/1", choices=[chat(None, refusal="no")]),
        request("HumanEval/2", **whole),
        request("HumanEval/3", **cut, incomplete_details={"reason": "max_output_tokens"}),
    ]
    lost = [
        request("HumanEval/4", choices=[chat("half", "content_filter")]),
        request("HumanEval/5", **cut, incomplete_details={"reason": "content_filter"}),
        request("HumanEval/6", choices=[]),
        json.dumps({"custom_id": "HumanEval/7", "response": {"status_code": 502, "body": "Bad gateway"}}) + "\n",
        json.dumps({"custom_id": "HumanEval/8", "response": None, "error": {"code": "batch_expired"}}) + "\n",
    ]
    path = tmp_path / "batch.jsonl"
    path.write_text("".join(samples + lost))
    found = read(path)
    answers = [(one.text, one.finish) for one in found if isinstance(one, Imported)]
    assert answers == [("", Finish.LENGTH), ("no", Finish.STOP), ("no", Finish.STOP), ("", Finish.LENGTH)]
    assert [isinstance(one, MissingText) for one in found] == [False] * len(samples) + [True] * len(lost)


def test_a_batch_of_responses_is_read(tmp_path: Path) -> None:
    output = [
        {"type": "reasoning", "summary": []},
        {"type": "message", "content": [{"type": "output_text", "text": ANSWER}]},
    ]
    path = tmp_path / "batch.jsonl"
    path.write_text(
        request("HumanEval/0", output=output, status="completed", usage={"input_tokens": 5, "output_tokens": 6})
    )
    (found,) = read(path)
    assert isinstance(found, Imported)
    assert (found.text, found.prompt_tokens, found.completion_tokens, found.finish) == (ANSWER, 5, 6, Finish.STOP)


def test_results_of_anthropics_batches_are_read_with_their_costs() -> None:
    usage = {"input_tokens": 11, "cache_creation_input_tokens": 2, "cache_read_input_tokens": 4, "output_tokens": 36}
    content = [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "x = 1"}]
    message = {"model": "claude", "content": content, "stop_reason": "max_tokens", "usage": usage}
    row = {"custom_id": "HumanEval_0__2", "result": {"type": "succeeded", "message": message}}
    (sample,) = named("anthropic-batch").samples(row)
    assert (sample.problem, sample.index, sample.model) == ("HumanEval_0", 2, "claude")
    assert (sample.text, sample.thought, sample.finish) == ("x = 1", "hm", Finish.LENGTH)
    assert (sample.prompt_tokens, sample.completion_tokens) == (17, 36)
    assert (sample.cached_tokens, sample.cache_write_tokens) == (4, 2)


@pytest.mark.parametrize(
    ("result", "words"),
    [
        ({"type": "errored", "error": {"type": "error", "error": {"message": "too long"}}}, "'errored', 'too long'"),
        ({"type": "expired"}, "'expired'"),
        ({"type": "succeeded", "message": {"content": [], "stop_reason": "refusal"}}, "withheld"),
    ],
)
def test_a_request_of_a_batch_without_an_answer_is_left_out(result: dict, words: str) -> None:
    with pytest.raises(MissingText, match=words):
        list(named("anthropic-batch").samples({"custom_id": "a", "result": result}))


def test_a_thought_in_the_parts_of_a_batchs_answer_is_kept_apart() -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    message = {"role": "assistant", "content": [thought, {"type": "text", "text": "x = 1"}]}
    body = {"choices": [{"message": message, "finish_reason": "stop"}]}
    (sample,) = named("openai-batch").samples({"custom_id": "a", "response": {"status_code": "200", "body": body}})
    assert (sample.text, sample.thought) == ("x = 1", "hm")


def test_a_reply_of_ollama_names_its_model() -> None:
    row = {"task_id": "a", "model": "qwen3:8b", "response": "x", "eval_count": 2}
    assert [sample.model for sample in named("ollama-lines").samples(row)] == ["qwen3:8b"]


def test_every_choice_of_an_inspect_sample_is_a_sample_and_the_score_is_of_the_first(tmp_path: Path) -> None:
    choices = [{"message": {"content": f"{ANSWER}\n{n}"}, "stop_reason": "stop"} for n in range(3)]
    choices.insert(1, {"message": {"content": "x"}, "stop_reason": "content_filter"})
    output = {"choices": choices, "usage": {"input_tokens": 5, "output_tokens": 27, "reasoning_tokens": 3}}
    found = read(log(tmp_path / "mine.eval", inspect_sample("HumanEval/0", 2, output=output)))
    kept = [one for one in found if isinstance(one, Imported)]
    assert [one.text[-1] for one in kept] == ["0", "1", "2"]
    assert [one.claim for one in kept] == [Claim(passed=True, said="verify: C"), None, None]
    costs = {
        (one.index, one.prompt_tokens, one.prompt_shared, one.completion_tokens, one.thought_tokens) for one in kept
    }
    assert costs == {(None, 5, True, None, None)}
    assert len(found) == 4


@pytest.mark.parametrize("usage", [{"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}, {}, None])
def test_counts_that_nobody_counted_are_unknown(tmp_path: Path, usage: object) -> None:
    output = {"choices": [{"message": {"content": ANSWER}, "stop_reason": "stop"}], "usage": usage}
    (found,) = read(log(tmp_path / "mine.eval", inspect_sample("HumanEval/0", 1, output=output)))
    batch = tmp_path / "batch.jsonl"
    batch.write_text(request("HumanEval/0", choices=[{"message": {"content": ANSWER}}], usage=usage))
    (other,) = read(batch)
    for one in (found, other):
        assert isinstance(one, Imported)
        assert (one.text, one.prompt_tokens, one.completion_tokens) == (ANSWER, None, None)


def test_what_was_read_from_a_cache_alone_is_counted(tmp_path: Path) -> None:
    usage = {"input_tokens": 0, "output_tokens": 0, "input_tokens_cache_read": 8, "total_tokens": 8}
    output = {"choices": [{"message": {"content": ""}, "stop_reason": "stop"}], "usage": usage}
    (found,) = read(log(tmp_path / "mine.eval", inspect_sample("HumanEval/0", 1, output=output)))
    assert isinstance(found, Imported)
    assert (found.prompt_tokens, found.completion_tokens, found.cached_tokens) == (8, 0, 8)


def test_of_a_redacted_thought_only_the_summary_is_read(tmp_path: Path) -> None:
    hidden = {"type": "reasoning", "reasoning": "Q2lwaGVy", "redacted": True}
    text = {"type": "text", "text": ANSWER}
    samples = [
        inspect_sample(
            "HumanEval/0", epoch, output={"choices": [{"message": {"content": parts}, "stop_reason": "stop"}]}
        )
        for epoch, parts in enumerate(([hidden, text], [hidden | {"summary": "Short"}, text]), 1)
    ]
    found = read(log(tmp_path / "mine.eval", *samples))
    assert [one.thought for one in found if isinstance(one, Imported)] == [None, "Short"]


def test_messages_of_a_response_stand_apart_and_what_is_no_answer_stops_nothing(tmp_path: Path) -> None:
    parts = [{"content": [{"type": "output_text", "text": text}], "type": "message"} for text in ("Draft:", ANSWER)]
    call = {"type": "function_call", "name": "f", "arguments": "{}"}
    path = tmp_path / "batch.jsonl"
    lines = [
        request("HumanEval/0", output=[parts[0], call, parts[1]], status="completed"),
        request("HumanEval/1", choices=None),
        request("HumanEval/2", choices=[{"index": 0, "message": None, "finish_reason": "stop"}]),
        request("HumanEval/3", object="list", data=[]),
    ]
    path.write_text("".join(lines))
    first, *others = read(path)
    assert isinstance(first, Imported)
    assert first.text == f"Draft:\n\n{ANSWER}"
    assert [str(one).partition(": ")[2] for one in others] == ["the response holds no answer"] * 3
