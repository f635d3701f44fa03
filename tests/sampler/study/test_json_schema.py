"""The schema of study files says what their reader says."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from script import ROOT

from sampler.study import json_schema as study_words
from sampler.study.json_schema import study_schema
from sampler.study.spec import load_study
from sampler.study.toml_table import SpecError
from sampler.values import PromptStyle

SCHEMA = study_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
EXAMPLES = ROOT / "examples"
# What the reader alone can say: these words stand in its messages, and the schema lets such a file pass.
BEYOND = (
    "two models are called", "shots are shown in style", "ends before it begins", "both or neither",
    "windowed_layers is", "is no package", "is no list of different texts", "[models.options]",
    "thinking needs style", "a replay has no engine", "which omit =", "has a place of its own",
)  # fmt: skip


def toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value)


def read(folder: Path, document: dict[str, Any]) -> None:
    path = folder / "study.toml"
    path.write_text("\n".join(f"{key} = {toml(value)}" for key, value in document.items()), encoding="utf-8")
    load_study(path)


MODEL = {"name": "a", "backend": "llamacpp", "samples": 8}
SMALL = {"problems": {"source": "humaneval"}, "models": [MODEL]}


def test_the_schema_itself_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", sorted(EXAMPLES.rglob("*.toml")), ids=lambda path: path.stem)
def test_every_example_is_right_by_both(path):
    VALIDATOR.validate(tomllib.loads(path.read_text(encoding="utf-8")))
    load_study(path)


def keys(table: dict[str, Any], *path: str) -> dict[str, Any]:
    for step in path:
        table = table["properties"][step]
        table = table.get("items", table)
    return table["properties"]


@pytest.mark.parametrize(
    "table",
    [
        (),
        ("problems",),
        ("sampling",),
        ("models",),
        ("models", "costs"),
        ("sandbox",),
        ("report",),
        ("report", "budgets"),
    ],
)
def test_the_reader_asks_for_the_keys_of_the_schema_and_no_others(tmp_path, table):
    document = json.loads(json.dumps(SMALL))
    inner = document
    for step in table:
        inner = inner.setdefault(step, {})
        inner = inner[0] if isinstance(inner, list) else inner
    inner["unheard_of"] = 1
    with pytest.raises(SpecError, match="the keys are: ") as refused:
        read(tmp_path, document)
    asked = str(refused.value).partition("the keys are: ")[2].split(", ")
    asked += ["file"] if table == ("models",) else []  # of a replay alone
    assert sorted(asked) == sorted(keys(SCHEMA, *table))


def test_every_key_is_explained_and_every_explanation_has_its_key():
    for words, table in [
        (study_words.PROBLEMS, ("problems",)),
        (study_words.SAMPLING, ("sampling",)),
        (study_words.STUDY, ()),
        (study_words.COSTS, ("models", "costs")),
        (study_words.ARCHITECTURE, ("models", "architecture")),
        (study_words.SANDBOX | study_words.LIMITS, ("sandbox",)),
        (study_words.BUDGETS, ("report", "budgets")),
        (study_words.MODEL | study_words.SAMPLING, ("models",)),
    ]:
        assert words.keys() == keys(SCHEMA, *table).keys()


def test_the_defaults_of_the_schema_are_those_of_the_reader(tmp_path):
    said: dict[str, Any] = json.loads(json.dumps(SMALL))
    said["seed"] = SCHEMA["properties"]["seed"]["default"]
    for table in ("sampling", "sandbox"):
        said[table] = {key: value["default"] for key, value in keys(SCHEMA, table).items() if "default" in value}
    assert len(said["sampling"]) == 5
    assert len(said["sandbox"]) == 8
    path = tmp_path / "study.toml"
    read(tmp_path, said)
    explicit = load_study(path)
    read(tmp_path, SMALL)
    usual = load_study(path)
    assert explicit.models == usual.models
    assert (explicit.limits, explicit.fresh, explicit.seed) == (usual.limits, usual.fresh, usual.seed)


def drawn(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=values)


WORD = st.sampled_from(["a", "humaneval", "", "  ", 1, True])
WORDS = st.sampled_from([["a"], ["a", "b"], [], ["a", "a"], [""], "a", [1]])
WHOLE = st.sampled_from([0, 1, 8, -1, 2**31, 2**60, 1.5, "1", True])
NUMBER = st.sampled_from([0, 0.5, 1, 1.5, -0.5, 1e12, "1", False])
FLAG = st.sampled_from([True, False, 1, "yes"])
SAMPLING: dict[str, st.SearchStrategy[Any]] = {
    "style": st.sampled_from([*PromptStyle, "other"]), "temperature": NUMBER, "top_p": NUMBER, "max_tokens": WHOLE,
    "stop": WORDS, "shots": WORDS, "shots_from": WORD, "thinking": FLAG, "max_thinking_tokens": WHOLE, "effort": WORD,
    "omit": st.sampled_from([["seed"], ["seed", "top_p"], ["temperature"], [], ["speed"], "seed", [1]]),
}  # fmt: skip
COSTS = drawn(table_flops=NUMBER, table_seconds=NUMBER, prompt_dollars=NUMBER, completion_dollars=NUMBER, other=NUMBER)
SHAPE = drawn(
    layers=st.just(2),
    hidden=st.just(8),
    attention_width=st.just(8),
    matmul_params=WHOLE,
    unembed_params=st.just(9),
    kv_width=WHOLE,
    window=WHOLE,
    windowed_layers=st.sampled_from([0, 1, 3]),
    weights=WHOLE,
)
MODELS = drawn(
    name=WORD,
    backend=st.sampled_from(["llamacpp", "replay", "other"]),
    samples=WHOLE,
    model=WORD,
    file=WORD,
    greedy=FLAG,
    costs=COSTS,
    architecture=SHAPE,
    **SAMPLING
    | {
        "max_tokens": WHOLE | st.sampled_from([[1, 8], [8, 8], []]),
        "effort": WORD | st.sampled_from([["low", "high"], [""], []]),
        "max_thinking_tokens": WHOLE | st.just([0, 512]),
    },
    request=st.sampled_from([{}, {"top_k": 20}, {"top_k": [20, 40]}, {"temperature": 1.0}, 3]),
    options=drawn(slots=WHOLE, context=WHOLE, answer_timeout_s=NUMBER, other=WHOLE),
)
PROBLEMS = drawn(
    source=WORD | WORDS,
    split=st.sampled_from(["test", "other", 1]),
    numbers=st.sampled_from(["1-5, 9", "5-1", "x", "", 3]),
    every=WHOLE,
    limit=WHOLE,
    names=WORDS,
    other=WORD,
)
SANDBOX = drawn(
    boxes=WHOLE,
    cpu_s=NUMBER,
    memory_mb=WHOLE,
    files=WHOLE,
    python=st.sampled_from(["3.13", "2.7", 3]),
    fresh=FLAG,
    packages=st.sampled_from([["numpy", "pandas==2.2.3"], ["a b"], [], "numpy"]),
    other=WORD,
)
BUDGETS = drawn(flops=st.sampled_from([[1e12], [1, 2], [0], [], 5]), dollars=st.just([0.5]), other=st.just([1]))
ANY = drawn(
    name=WORD,
    seed=st.sampled_from([0, 5, -1, 2**63 - 1, 2**63, "1"]),
    store=WORD,
    problems=PROBLEMS,
    sampling=drawn(**SAMPLING),
    models=st.lists(MODELS, max_size=2),
    sandbox=SANDBOX,
    report=drawn(budgets=BUDGETS, other=WORD),
    other=WORD,
)


@st.composite
def nearly_good(draw: st.DrawFn) -> dict[str, Any]:
    """A right study with one table changed in one or two keys, so that these decide."""
    document = json.loads(json.dumps(SMALL))
    match draw(st.sampled_from(["model", "problems", "sampling", "sandbox", "top"])):
        case "model":
            document["models"][0] |= _few(draw, MODELS)
        case "problems":
            document["problems"] |= _few(draw, PROBLEMS)
        case "sampling":
            document["sampling"] = _few(draw, drawn(**SAMPLING))
        case "sandbox":
            document["sandbox"] = _few(draw, SANDBOX)
        case _:
            document |= _few(draw, ANY)
    return document


def _few(draw: st.DrawFn, table: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    drawn_keys = draw(table)
    kept = draw(st.lists(st.sampled_from(sorted(drawn_keys)), max_size=2)) if drawn_keys else []
    return {key: drawn_keys[key] for key in kept}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("schema")


@settings(max_examples=400)
@given(document=nearly_good() | ANY)
def test_the_schema_and_the_reader_agree_on_every_study(folder, document):
    refusal = ""
    try:
        read(folder, document)
    except SpecError as error:
        refusal = str(error)
    assert VALIDATOR.is_valid(document) == (not refusal) or any(words in refusal for words in BEYOND)
