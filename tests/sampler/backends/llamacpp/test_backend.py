from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from llama_thinker import TEMPLATE
from script import ROOT

from sampler.backends.base import BackendError, CannotLoad
from sampler.backends.llamacpp.backend import LlamaCppBackend, LlamaOptions, ModelFile
from sampler.backends.llamacpp.process import physical_cores
from sampler.backends.open import BackendContext, open_backend
from sampler.costs import sample_flops
from sampler.models.catalogue import find
from sampler.values import Finish, Prompt, PromptStyle, Request, SamplingParams

pytestmark = pytest.mark.model

STORY = Prompt(style=PromptStyle.COMPLETION, text="Once upon a time there was a little")
CHAT = Prompt(
    style=PromptStyle.CHAT, text="Write a function that adds two numbers.", prefill="```python\n", stop=("\n```",)
)


ASKED = Prompt(style=PromptStyle.CHAT, text="Write a Python function that adds two numbers.")


@pytest.fixture(scope="module")
def model(smallest_model: ModelFile) -> ModelFile:
    return smallest_model


@pytest.fixture(scope="module")
def backend(model: ModelFile) -> Iterator[LlamaCppBackend]:
    with LlamaCppBackend(model, LlamaOptions(slots=4, context=1024)) as opened:
        yield opened


@pytest.fixture(scope="module")
def thinker(model: ModelFile) -> Iterator[LlamaCppBackend]:
    with LlamaCppBackend(model, LlamaOptions(slots=4, context=2048, chat_template=TEMPLATE)) as opened:
        yield opened


@pytest.mark.parametrize("bound", [0, 1, 12])
def test_a_thought_is_ended_at_its_bound_and_the_answer_has_its_own_tokens(thinker, bound):
    given = list(thinker.sample([ask(ASKED, count=4)], SamplingParams(max_tokens=40, max_thinking_tokens=bound)))
    assert len(given) == 4
    for sample in given:
        assert sample.text.strip()
        assert "think>" not in sample.thought
        assert bound < sample.thought_tokens <= bound + 6, "the thought, a line break, and the mark"
        assert sample.thought_tokens < sample.completion_tokens <= bound + 40
        assert sample.sum_logprob is not None
    assert any(sample.thought for sample in given) == (bound > 0)


def test_every_token_of_a_bounded_thought_is_paid_for(thinker, model):
    (sample,) = thinker.sample([ask(ASKED)], SamplingParams(max_tokens=9, max_thinking_tokens=12, temperature=0.0))
    assert (sample.completion_tokens, sample.finish) == (21, Finish.LENGTH)
    weights = model.architecture
    layers, width = 2 * weights.matmul_params, 4 * weights.layers * weights.attention_width
    first = sample.prompt_tokens + 1
    by_hand = sum(layers + 2 * weights.unembed_params + width * at for at in range(first, first + 21))
    assert sample_flops(weights, sample).decode == by_hand


def test_the_sentence_before_the_forced_mark_is_a_field_of_the_request(thinker):
    asked = SamplingParams(
        max_tokens=40, max_thinking_tokens=5, request={"reasoning_budget_message": " I stop here.\n"}
    )
    (sample,) = thinker.sample([ask(ASKED)], asked)
    assert sample.thought.endswith(" I stop here.")
    assert 5 < sample.thought_tokens <= 5 + 12


def test_a_bound_does_nothing_where_thinking_is_off_and_without_one_the_thought_goes_on(thinker):
    off = {"chat_template_kwargs": {"enable_thinking": False}}
    (plain,) = thinker.sample([ask(ASKED)], SamplingParams(max_tokens=20, max_thinking_tokens=5, request=off))
    assert (plain.thought, plain.thought_tokens) == (None, 0)
    (cut,) = thinker.sample([ask(ASKED)], SamplingParams(max_tokens=20))
    assert (cut.text, cut.thought_tokens, cut.finish) == ("", 20, Finish.THOUGHT)


def test_a_chat_template_of_one_s_own_is_another_model_and_one_without_marks_bounds_nothing(thinker, backend):
    assert thinker.card.digest != backend.card.digest
    with pytest.raises(BackendError, match=r"names no mark of a thought.*take max_thinking_tokens out.*chat_template"):
        list(backend.sample([ask(ASKED)], SamplingParams(max_thinking_tokens=5)))


def test_an_empty_prompt_is_named(backend):
    with pytest.raises(BackendError, match="Test/0: the prompt is empty"):
        list(backend.sample([ask(Prompt(style=PromptStyle.COMPLETION, text=""))], SamplingParams(max_tokens=4)))


def test_an_engine_that_is_killed_while_it_loads_is_no_damaged_file(tmp_path, model, monkeypatch):
    killed = tmp_path / "python"
    killed.write_text("#!/bin/sh\nkill -9 $$\n")
    killed.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(killed))
    with pytest.raises(BackendError, match=r"was killed while it loaded .*want of memory") as caught:
        LlamaCppBackend(model, LlamaOptions())
    assert not isinstance(caught.value, CannotLoad)


def ask(prompt: Prompt = STORY, *, count: int = 1, seed: int = 1, first: int = 0) -> Request:
    return Request(problem="Test/0", prompt=prompt, first=first, count=count, seed=seed)


def params(max_tokens: int = 8, temperature: float = 0.8) -> SamplingParams:
    return SamplingParams(max_tokens=max_tokens, temperature=temperature)


def gone(pid: int, within_s: float = 120.0) -> bool:
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_more_samples_than_slots_are_all_given(backend):
    given = list(backend.sample([ask(count=11, first=2, seed=100)], params()))
    assert sorted((s.index, s.seed) for s in given) == [(n + 2, n + 100) for n in range(11)]
    assert len({s.text for s in given}) > 3, "different seeds draw different texts"


def test_a_seed_gives_its_text_wherever_it_stands_in_a_request(backend):
    together = {s.seed: s.text for s in backend.sample([ask(count=4, seed=30)], params(5))}
    alone = {s.seed: s.text for n in range(4) for s in backend.sample([ask(seed=30 + n)], params(5))}
    same = sum(together[seed] == alone[seed] for seed in together)
    assert same >= 2, "another batch shape may tip a near tie, no more"


def test_the_limit_and_the_stop_string_are_told_apart(backend):
    (long,) = backend.sample([ask()], params(5))
    assert (long.finish, long.completion_tokens) == (Finish.LENGTH, 5)
    stop = Prompt(style=STORY.style, text="1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,", stop=(" 13",))
    (short,) = backend.sample([ask(stop)], params(20, temperature=0))
    assert (short.finish, short.text) == (Finish.STOP, " 12,")
    assert short.completion_tokens > len(" 12,") // 2, "the stop string's tokens were drawn and are counted"
    assert short.sum_logprob is not None


def test_temperature_zero_always_takes_the_most_probable(backend):
    texts = {s.text for s in backend.sample([ask(count=4)], params(10, temperature=0))}
    assert len(texts) == 1


def test_a_chat_is_put_into_the_models_template_and_begun_with_the_prefill(backend):
    (plain,) = backend.sample([ask(Prompt(style=PromptStyle.COMPLETION, text=CHAT.text))], params(1))
    (chat,) = backend.sample([ask(CHAT)], params(40, temperature=0))
    assert chat.prompt_tokens > plain.prompt_tokens + 10
    assert chat.text.startswith("def ")


def test_a_chat_mark_in_a_problems_text_is_text(backend):
    mark = Prompt(style=PromptStyle.COMPLETION, text="<|im_end|>")
    (sample,) = backend.sample([ask(mark)], params(1))
    assert sample.prompt_tokens > 1


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "\x1b[31m", "é漢😀", " " * 100])
def test_any_prompt_text_is_taken(backend, text):
    (sample,) = backend.sample([ask(Prompt(style=PromptStyle.COMPLETION, text=text))], params(2))
    assert sample.prompt_tokens >= 1


def test_the_seconds_of_all_samples_add_up_to_the_walls(backend):
    requests = [ask(count=2, seed=n) for n in range(5)]
    start = time.monotonic()
    given = list(backend.sample(requests, params(15)))
    wall = time.monotonic() - start
    reading = {sample.prompt_seconds for sample in given}
    total = sum(reading) + sum(sample.decode_seconds for sample in given)
    assert len(given) == 10
    assert 0.3 * wall < total <= wall


def test_a_prompt_that_does_not_fit_names_its_problem_and_the_way_out(backend):
    with pytest.raises(BackendError, match=r"Test/0: a prompt of \d+ tokens and 8 new .* 1024; raise context"):
        list(backend.sample([ask(Prompt(style=PromptStyle.COMPLETION, text="word " * 2000))], params()))


def test_the_engine_leaves_no_core_file(backend):
    limits = Path(f"/proc/{backend.engine_pid}/limits").read_text()
    (core,) = [line for line in limits.splitlines() if line.startswith("Max core file size")]
    assert core.split()[4:6] == ["0", "0"]


def test_an_engine_that_dies_is_our_fault_and_is_named(model):
    with LlamaCppBackend(model, LlamaOptions(slots=2, context=2048)) as opened:
        samples = opened.sample([ask(count=2), ask(count=2)], params(900))
        os.kill(opened.engine_pid, signal.SIGSTOP)
        os.kill(opened.engine_pid, signal.SIGKILL)
        with pytest.raises(BackendError, match="the engine was killed by signal 9"):
            list(samples)


def test_an_engine_that_dies_in_the_middle_of_a_text_is_named(model):
    with LlamaCppBackend(model, LlamaOptions(slots=2, context=2048)) as opened:
        samples = opened.sample([ask(count=1), ask(STORY, count=1, seed=9)], params(4))
        next(samples)
        os.kill(opened.engine_pid, signal.SIGKILL)
        with pytest.raises(BackendError, match="the engine was killed by signal 9"):
            list(opened.sample([ask()], params(4)))


def test_closing_ends_the_engine(model):
    with LlamaCppBackend(model, LlamaOptions(slots=1, context=256)) as opened:
        pid = opened.engine_pid
        assert not gone(pid, within_s=0.1)
    assert gone(pid)
    opened.close()


def test_a_killed_parent_leaves_no_engine_behind(model):
    script = (
        "import sys, time; from pathlib import Path\n"
        "from sampler.backends.llamacpp.backend import LlamaCppBackend, LlamaOptions, ModelFile\n"
        "model = ModelFile(path=Path(sys.argv[1]), name='m', digest='', architecture=None)\n"
        "backend = LlamaCppBackend(model, LlamaOptions(slots=1, context=256))\n"
        "print(backend.engine_pid, flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", script, str(model.path)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        engine = int(parent.stdout.readline())
        assert not gone(engine, within_s=0.1)
        parent.kill()
    assert gone(engine)


def test_a_missing_engine_names_the_extra_to_install(model, tmp_path, monkeypatch):
    (tmp_path / "xllamacpp.py").write_text("raise ImportError('No module named xllamacpp')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(BackendError, match=r"not installed .*; pip install 'codebudget\[llamacpp\]'"):
        LlamaCppBackend(model, LlamaOptions())


def test_an_engine_that_starts_too_slowly_is_given_up(model, tmp_path, monkeypatch):
    (tmp_path / "xllamacpp.py").write_text("import time\ntime.sleep(60)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(BackendError, match=r"did not load .* within 1 s; raise start_timeout_s"):
        LlamaCppBackend(model, LlamaOptions(start_timeout_s=1))


def test_an_engine_that_crashes_at_the_start_is_quoted(model, tmp_path, monkeypatch):
    (tmp_path / "xllamacpp.py").write_text("import sys\nprint('out of luck', file=sys.stderr)\nsys.exit(7)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(BackendError, match=r"cannot load .*ended with exit code 7; its last words: out of luck"):
        LlamaCppBackend(model, LlamaOptions())


def test_idle_engine_threads_sleep():
    """Spinning threads starve whatever shares the cores; OpenMP shows the policy that it took on."""
    pytest.importorskip("xllamacpp")
    options = json.dumps({"path": "/nowhere.gguf", "slots": 1, "context": 256, "threads": 1})
    with subprocess.Popen(
        [sys.executable, "-m", "sampler.backends.llamacpp.server_process", options],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_DISPLAY_ENV": "TRUE"},
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert "error" in json.loads(child.stdout.readline())
        assert "OMP_WAIT_POLICY = 'PASSIVE'" in child.stderr.read()


def test_cores_are_counted_once_and_only_ours():
    assert 1 <= physical_cores() <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize("bad", [{"slots": 0}, {"context": -1}, {"threads": -1}, {"answer_timeout_s": 0.0}])
def test_options_that_make_no_sense_are_refused_by_name(bad):
    (name,) = bad
    with pytest.raises(ValueError, match=name):
        LlamaOptions(**bad)


def test_a_pulled_model_that_was_damaged_later_names_the_commands_that_fetch_it_anew(tmp_path, monkeypatch):
    (tmp_path / "xllamacpp.py").write_text("import sys\nsys.exit(7)")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    known = find("smollm2-135m")
    path = tmp_path / known.file
    with path.open("wb") as file:
        file.truncate(known.size)  # the right size, but nothing in it
    facts = {"sha256": known.sha256, "size": known.size, "mtime_ns": path.stat().st_mtime_ns}
    path.with_name(f"{known.file}.checked").write_text(json.dumps(facts))
    with pytest.raises(BackendError, match=rf"cannot load .*models remove {known.name}`, then `sampler models pull"):
        open_backend("llamacpp", known.name, context=BackendContext(models_dir=tmp_path))
