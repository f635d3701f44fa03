"""What is missing for a model is told before another model is sampled."""

from __future__ import annotations

from pathlib import Path

import pytest

from sampler.backends.base import BackendError
from sampler.running.dependencies import check_model
from sampler.study.spec import load_study
from sampler.study.spec_models import ModelSpec

STUDY = """
[problems]
source = "humaneval"
[[models]]
name = "served"
backend = "openai"
samples = 1
[models.options]
base_url = "http://127.0.0.1:1/v1"
api_key_env = "A_KEY_OF_THIS_TEST"
headers = {X-Title = "a study", X-Key = "$A_HEADER_OF_THIS_TEST"}
"""


@pytest.fixture
def model(tmp_path: Path) -> ModelSpec:
    path = tmp_path / "study.toml"
    path.write_text(STUDY)
    return load_study(path).models[0]


def test_variables_that_hold_a_key_or_a_header_are_missed_before_anything_is_sampled(model, tmp_path, monkeypatch):
    def check() -> None:
        check_model(model, tmp_path, lambda _absent: None)

    with pytest.raises(BackendError, match="no variable A_KEY_OF_THIS_TEST, which is to hold its key"):
        check()
    monkeypatch.setenv("A_KEY_OF_THIS_TEST", "k")
    with pytest.raises(BackendError, match="no variable A_HEADER_OF_THIS_TEST, which is to hold its header X-Key"):
        check()
    monkeypatch.setenv("A_HEADER_OF_THIS_TEST", "v")
    check()


@pytest.mark.model
@pytest.mark.parametrize("bound", [0, 100])
def test_a_bound_of_thoughts_is_refused_before_an_engine_loads_unless_a_template_has_marks(
    tmp_path, smallest_model, bound
):
    def check(options: str) -> None:
        path = tmp_path / "study.toml"
        path.write_text(
            f'[problems]\nsource = "humaneval"\n[[models]]\nname = "m"\nbackend = "llamacpp"\n'
            f'model = "{smallest_model.path}"\nsamples = 1\nstyle = "chat"\nmax_thinking_tokens = {bound}\n{options}'
        )
        check_model(load_study(path).models[0], tmp_path, lambda _absent: None)

    with pytest.raises(BackendError, match=r"'m': its chat template names no mark.*give a template"):
        check("")
    check("[models.options]\nchat_template = '{{ messages[0].content }}<think>'\n")
