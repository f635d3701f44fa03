"""Functions of other languages: right ones pass, wrong ones and early exits fail, by calls and beside their tests.

C++ and JavaScript are tried everywhere; another language is tried where its images are built.
"""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from language_functions import FunctionExample, examples

from sandbox.boxes import image
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ImageSpec
from sandbox.languages import find_language
from sandbox.problems import Problem
from sandbox.scoring.scorer import Scorer
from sandbox.values import Flag, LanguageTests, Verdict

pytestmark = pytest.mark.docker
BUILT = {"cpp", "javascript"}
EXAMPLES = examples()


@pytest.fixture(params=sorted(EXAMPLES))
def example(request: pytest.FixtureRequest, engine: DockerClient) -> FunctionExample:
    language = find_language(request.param)
    assert language is not None
    for toolchain in {language.toolchain, language.image} - {None}:
        missing = engine.image_labels(image.image_tag(ImageSpec(toolchain=toolchain))) is None
        if missing and language.name not in BUILT and not os.environ.get("TEST_ALL_LANGUAGES"):
            pytest.skip(f"the image of {language.title} is not built here; `make test-languages` builds it")
    return EXAMPLES[request.param]


def verdicts(scorer: Scorer, problem: Problem, *completions: str) -> list[tuple[Verdict, bool]]:
    """Return the verdict of each completion, and whether its tests ran in its process."""
    futures = [scorer.submit(problem.complete(completion)) for completion in completions]
    return [(score.verdict, Flag.IN_PROCESS in score.flags) for score in (future.result() for future in futures)]


def left_early(example: FunctionExample) -> set[Verdict]:
    """Return what an early exit may be told as: in Bash it ends the subshell of a call, which then answers nothing."""
    return {Verdict.EARLY_EXIT} | ({Verdict.WRONG, Verdict.ERROR} if example.problem.language == "bash" else set())


def test_expected_answers_stay_outside_and_an_early_exit_does_not_pass(
    example: FunctionExample, scorer: Scorer
) -> None:
    got = verdicts(scorer, example.problem, example.right, example.wrong, example.exits)
    assert got[:2] == [(Verdict.PASSED, False), (Verdict.WRONG, False)]
    assert got[2] in [(verdict, False) for verdict in left_early(example)]


def test_tests_beside_the_function_pass_only_when_they_have_ended(example: FunctionExample, scorer: Scorer) -> None:
    given = example.problem.given
    assert isinstance(given, LanguageTests)
    if given.language in {"lua", "perl", "ruby", "php"}:
        pytest.skip("the published tests need a library that is not in the image, or print what fails")
    beside = replace(example.problem, given=replace(given, pairs=()))
    right, wrong, exits = verdicts(scorer, beside, example.right, example.wrong, example.exits)
    assert right == (Verdict.PASSED, True)
    assert exits in [(verdict, True) for verdict in left_early(example)]
    assert wrong[0] in {Verdict.WRONG, Verdict.ERROR}
