from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import pytest
from script import ROOT

from sampler.backends.base import BackendError
from sampler.backends.open import BackendContext, UnknownBackend, open_backend
from sampler.backends.replay import ReplayBackend
from sampler.models.catalogue import find
from sampler.study.prompts import program_for, prompt_for
from sampler.values import Finish, Prompt, PromptStyle, Request, SamplingParams
from sandbox.problems import load_problems
from sandbox.values import MAX_SOURCE_BYTES

EXAMPLES = ROOT / "examples" / "replay"
PROMPT = Prompt(style=PromptStyle.COMPLETION, text="")
ROW = {
    "task_id": "HumanEval/0",
    "model": "someone's model",
    "index": 0,
    "completion": "    return 1\n",
    "completion_tokens": 5,
    "prompt_tokens": 9,
    "finish": "word",
    "sum_nll": 1.5,
}


def ask(problem: str = "HumanEval/0", *, first: int = 0, count: int = 1, seed: int = 7) -> Request:
    return Request(problem=problem, prompt=PROMPT, first=first, count=count, seed=seed)


def recording(tmp_path: Path, *rows: dict[str, object]) -> Path:
    path = tmp_path / "samples.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows) + "\n")
    return path


def only(path: Path, request: Request | None = None):
    (sample,) = ReplayBackend(path).sample([request or ask()], SamplingParams())
    return sample


@pytest.mark.parametrize("size", ["0.5b", "1.5b"])
def test_the_examples_replay_as_they_were_recorded(size):
    path = EXAMPLES / f"qwen2.5-coder-{size}-instruct_HumanEval20_n10.jsonl.gz"
    with gzip.open(path, "rt") as file:
        rows = [json.loads(line) for line in file]
    with ReplayBackend(path) as backend:
        assert backend.card.name == f"qwen2.5-coder-{size}"
        assert backend.card.architecture == find(f"qwen2.5-coder-{size}-instruct").architecture
        asked = [ask(f"HumanEval/{n}", count=10) for n in range(0, 160, 8)]
        samples = list(backend.sample(asked, SamplingParams()))
    assert len(samples) == len(rows) == 200
    held = {(row["task_id"], row["index"]): row for row in rows}
    for sample in samples:
        row = held[sample.problem, sample.index]
        assert sample.text == row["completion"]
        assert sample.completion_tokens == row["completion_tokens"]
        assert math.isclose(sample.sum_logprob or 0.0, -row["sum_nll"])
        assert sample.finish == (Finish.LENGTH if row["finish"] == "limit" else Finish.STOP)


def test_a_recorded_completion_becomes_its_prompt_and_itself():
    path = EXAMPLES / "qwen2.5-coder-0.5b-instruct_HumanEval20_n10.jsonl.gz"
    problem = load_problems("humaneval")[0]
    sample = only(path)
    source = program_for(problem, prompt_for(problem, PromptStyle.COMPLETION), sample.text).source
    assert source == problem.prompt + sample.text


def test_what_the_recording_lacks_is_named(tmp_path):
    backend = ReplayBackend(recording(tmp_path, ROW))
    with pytest.raises(BackendError, match=r"holds no sample 1 of HumanEval/0 \(it holds 1 of that problem\)"):
        list(backend.sample([ask(count=2)], SamplingParams()))
    with pytest.raises(BackendError, match=r"holds no sample 0 of HumanEval/9 \(it holds 0 of that problem\)"):
        list(backend.sample([ask("HumanEval/9")], SamplingParams()))


def test_a_recorded_seed_wins_over_the_asked_one(tmp_path):
    assert only(recording(tmp_path, ROW)).seed == 7
    assert only(recording(tmp_path, {**ROW, "seed": 3})).seed == 3


def test_what_is_optional_may_be_missing_or_given(tmp_path):
    bare = only(recording(tmp_path, {key: value for key, value in ROW.items() if key != "sum_nll"}))
    assert (bare.sum_logprob, bare.prompt_seconds, bare.decode_seconds, bare.prompt_shared) == (None, None, None, True)
    assert (bare.prompt_joules, bare.decode_joules) == (None, None)
    timed = only(recording(tmp_path, {**ROW, "prompt_seconds": 1, "decode_seconds": 2.5, "prompt_shared": False}))
    assert (timed.prompt_seconds, timed.decode_seconds, timed.prompt_shared) == (1.0, 2.5, False)


def test_an_unknown_model_has_no_architecture_rather_than_a_guessed_one(tmp_path):
    assert ReplayBackend(recording(tmp_path, ROW)).card.architecture is None


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"finish": "whatever"}, "finish is 'whatever'; known are word, eos, stop, limit, length"),
        ({"index": -1}, "index is -1"),
        ({"index": True}, "index is True"),
        ({"completion": None}, "completion is None, not a text"),
        ({"completion_tokens": 1.5}, "completion_tokens is 1.5"),
        ({"sum_nll": "much"}, "sum_nll is 'much'"),
        ({"sum_nll": float("nan")}, "sum_nll is nan"),
        ({"sum_nll": 10**400}, "sum_nll is 1000"),
        ({"completion_tokens": 2**63}, "completion_tokens is 9223372036854775808"),
        ({"decode_joules": -1}, "decode_joules is -1.0, which is negative"),
        ({"decode_seconds": -1}, "decode_seconds is -1.0, which is negative"),
    ],
)
def test_a_field_that_makes_no_sense_is_named_with_its_line(tmp_path, change, why):
    path = recording(tmp_path, ROW, {**ROW, "index": 1, **change})
    with pytest.raises(BackendError) as caught:
        ReplayBackend(path)
    assert f"{path}, line 2: " in str(caught.value)
    assert why in str(caught.value)


@pytest.mark.parametrize("field", sorted(set(ROW) - {"sum_nll"}))
def test_a_missing_field_is_named_with_its_line(tmp_path, field):
    path = recording(tmp_path, {key: value for key, value in ROW.items() if key != field})
    with pytest.raises(BackendError, match=f"line 1: the field '{field}' is missing"):
        ReplayBackend(path)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "holds no sample"),
        (b"\n\n", "holds no sample"),
        (b"{", "line 1 is not JSON"),
        (b"[1]", "line 1 is no object but a list; .* `sampler import` reads other forms"),
        (b"3", "line 1 is no object but a int"),
        (b"\xff\xfe", "line 1"),
        (b"[" * 100_000, "line 1"),
        (gzip.compress(b"{}", mtime=0)[:-5], "cannot read the recording"),
        (b"\x1f\x8bnonsense", "cannot read the recording"),
    ],
)
def test_a_file_that_is_no_recording_is_refused_by_name(tmp_path, data, why):
    path = tmp_path / "x.jsonl"
    path.write_bytes(data)
    with pytest.raises(BackendError, match=rf"x\.jsonl.*{why}|{why}.*x\.jsonl"):
        ReplayBackend(path)


def test_a_sample_that_stands_twice_is_refused(tmp_path):
    with pytest.raises(BackendError, match="line 2: sample 0 of HumanEval/0 stands there twice"):
        ReplayBackend(recording(tmp_path, ROW, ROW))


def test_a_recording_of_two_models_is_refused(tmp_path):
    with pytest.raises(BackendError, match="samples of 2 models, another, someone's model; split it"):
        ReplayBackend(recording(tmp_path, ROW, {**ROW, "index": 1, "model": "another"}))


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("llamacp", "x"), "no backend 'llamacp' (did you mean 'llamacpp'?)"),
        (("torch", "x"), "no backend 'torch'; there are llamacpp, openai, replay, vllm"),
        (("llamacpp", "qwen2.5-coder-0.5"), "did you mean 'qwen2.5-coder-0.5b-instruct'?"),
        (("llamacpp", "smollm2-135m", {"slot": 3}), "no option 'slot' for this backend (did you mean 'slots'?)"),
        (("llamacpp", "smollm2-135m", {"slots": "3"}), "the option slots must be a whole number, not '3'"),
        (("llamacpp", "smollm2-135m", {"slots": 1.5}), "the option slots must be a whole number, not 1.5"),
        (("llamacpp", "smollm2-135m", {"slots": 0}), "slots must be positive, not 0"),
        (("replay", "x", {"slots": 3}), "no option 'slots' for this backend; it takes none"),
    ],
)
def test_a_word_that_names_nothing_is_answered_with_what_there_is(arguments, why):
    with pytest.raises(UnknownBackend) as caught:
        open_backend(*arguments)
    assert why in str(caught.value)


def test_a_model_that_was_not_pulled_names_the_command(tmp_path):
    with pytest.raises(BackendError, match=r"run `sampler models pull smollm2-135m-instruct`"):
        open_backend("llamacpp", "smollm2-135m", context=BackendContext(models_dir=tmp_path))


def test_a_missing_recording_is_named(tmp_path):
    with pytest.raises(BackendError, match=r"cannot read the recording .*nowhere\.jsonl"):
        open_backend("replay", str(tmp_path / "nowhere.jsonl"))


def test_a_completion_that_no_sandbox_takes_is_refused_by_name(tmp_path):
    path = recording(tmp_path, ROW, ROW | {"index": 3, "completion": "x" * (MAX_SOURCE_BYTES + 1)})
    with pytest.raises(BackendError, match=rf"line 2: sample 3 of HumanEval/0 is {MAX_SOURCE_BYTES + 1} bytes long"):
        ReplayBackend(path)
