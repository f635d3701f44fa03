"""Attacks in other languages: none gets through, and after each an honest program runs in the same box."""

from __future__ import annotations

import os

import pytest
from language_programs import ALL, require

from sandbox.boxes.docker_client import DockerClient
from sandbox.diagnostics.language_attacks import HONEST, LIMITS, read_attacks, try_attacks
from sandbox.scoring.scorer import open_scorer

FAMILIES = {
    "C and C++": ("cpp",),
    "Java": ("java",),
    "JavaScript and TypeScript": ("javascript", "typescript"),
    "Go": ("go",),
    "Rust": ("rust",),
    "scripts": ("bash", "lua", "perl", "php", "r", "ruby"),
}


@pytest.mark.parametrize("family", list(FAMILIES))
def test_a_family_of_languages_has_at_least_fifty_attacks(family: str) -> None:
    attacks = [(language, attack.name) for language in FAMILIES[family] for attack in read_attacks(language)]
    assert len(set(attacks)) == len(attacks) >= 50


@pytest.mark.docker
@pytest.mark.parametrize("language", list(HONEST))
def test_no_attack_gets_through(language: str, engine: DockerClient) -> None:
    require(language, engine)
    if language != "cpp" and os.environ.get("CI") and not os.environ.get(ALL):
        pytest.skip("`make test-languages` tries the attacks of all languages")
    with open_scorer(LIMITS, boxes=1) as scorer:
        failures = [attack.failure(score, after) for attack, score, after in try_attacks(scorer.score, language)]
    assert [failure for failure in failures if failure] == []
