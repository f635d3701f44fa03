"""Make the JSON schema of a study file, from the types that its reader fills.

Editors check study files with it. Each key has a sentence that says what it is for; the schema and `docs/study.md` use
these sentences.

`study.schema.json` beside this module and `docs/study.md` are written from here by `scripts/reference.py`; tests fail
when they are stale, and compare the schema with the reader. Rules that a schema cannot express (names that must differ,
numbers that must fit each other) are checked only by the reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from sampler.backends.open import REGISTRY as BACKENDS
from sampler.stats.budget import Unit
from sampler.study.problem_choice import NUMBERS, SELECTIONS, SPLIT_NAMES
from sampler.study.prompts import Template
from sampler.study.request_fields import LISTED, OMITTABLE
from sampler.study.spec import MOST_SEED, PYTHON
from sampler.study.spec_models import MOST_WEIGHTS, STOP_SELECTED
from sampler.study.spending import ALLOTS, STOPS
from sampler.study.strategies import PLAIN, STRATEGIES, Feedback
from sampler.study.toml_table import MOST
from sampler.values import Architecture, GivenCosts, PromptStyle, SamplingParams
from sandbox.boxes.profiles import profile_names
from sandbox.languages import names as language_names
from sandbox.problems import BUILT_IN
from sandbox.problems.readers.training_rows import USUAL
from sandbox.values import LIMIT_BOUNDS, OUTPUT_RULES, RECURSION_BOUNDS, Limits

STUDY = {
    "name": "The study's name in its store; if it is not given, that of the file.",
    "seed": "Decides the seed of every sample, and the resampling of the report.",
    "store": "The file for samples and verdicts; if it is not given, the study file's name with the ending .db.",
    "problems": "Which problems are asked.",
    "sampling": "How every model is asked; a model may say otherwise under the same keys.",
    "models": "The models, a table [[models]] each.",
    "sandbox": "Where programs are executed, and what they may use.",
    "report": "What the report shows.",
    "budget": "What the whole study may spend, and when it may stop before its last sample.",
}
BUDGET = {
    "max_flops": "FLOPs that all samples of all runs may cost: once they are spent, no more are drawn.",
    "max_dollars": "The same in dollars, by the models' prices.",
    "stop": "precise: end at the look at which every pair of models is decided. samples: draw all samples.",
    "precision": "With precise, end also when the interval of every difference is at most this wide to either side.",
    "first": (
        "Samples of each problem at the first look; each look doubles them. With allot, samples that every "
        "problem gets."
    ),
    "allot": (
        "gain: after the first samples, spend the budget where no sample has passed, on the sample that is likeliest "
        "to solve a problem for its cost. evenly: equally many samples of every problem."
    ),
}
PROBLEMS = {
    "source": (
        "A name that `sandbox problems --list` shows, hf:ORG/NAME@REVISION[:CONFIG][/SPLIT], or a file or folder of "
        "problems, relative to the study file; or a list."
    ),
    "split": "A published split of the data set: of MBPP, tasks 1–10 (prompt), 11–510 (test), 511–600, 601–974.",
    "numbers": 'Problems by the number at the end of their names, such as "11-510" or "2, 3, 4".',
    "every": "Of those, every n-th problem, beginning with the first.",
    "limit": "Of those, at most this many problems.",
    "names": 'Instead of all that: problems by name, such as "HumanEval/0".',
    "since": 'Of those, problems of this date or later, such as "2024-08" or "2024-08-31".',
    "until": "Of those, problems of this date or earlier.",
    "difficulty": 'Of those, problems of these difficulties, or of a range of ratings such as "1200-1600".',
    "platform": "Of those, problems from these platforms.",
    "tags": "Of those, problems that have one of these tags.",
    "task": "What is asked where rows hold several tasks (BigCodeBench: complete, instruct; CRUXEval: output, input).",
    "checker_files": "Headers that checkers in C++ include, such as testlib.h, or folders of them.",
    "map": 'Where rows of one\'s own keep their parts, as tests = "reward_model.ground_truth" (docs/problems.md).',
    "keep_failing": "Take also the problems whose canonical solution is known to fail here (docs/datasets.md).",
    "skip_bad": "Leave out malformed rows, and say which, instead of stopping.",
    "output_rule": (
        "The rule that compares what whole programs print, instead of the data set's own (docs/problems.md)."
    ),
    "language": (
        "The language of the programs (docs/languages.md). Of a set in many languages, those problems are taken."
    ),
    "selection": (
        "examples: problems without public tests get tests from the examples in their statements. given: they do not."
    ),
    "assume": "What programs may assume, instead of what their data set says (docs/problems.md).",
}
MAP = {
    "name": "The problem's name.",
    "prompt": "What a model is given: a text, or messages.",
    "tests": "The tests.",
    "entry_point": "The function that is called.",
    "solution": "A correct program.",
    "starter": "Starter code, which the answer continues.",
    "checker": "Code that says whether an output is right.",
}
ASSUME = {
    "imports": "Python that runs before every program, in its namespace.",
    "recursion_limit": "The recursion limit that programs begin with.",
    "long_integers": "Whether integers of more than 4,300 digits are read and printed.",
    "top_level_return": "Whether a return outside of functions ends a whole program, and is no syntax error.",
    "cpu_s": "CPU seconds of a program. A limit in [sandbox] that is not the default has precedence.",
    "wall_s": "Wall-clock seconds of a program; likewise.",
    "memory_mb": "MB of memory of a program; likewise.",
    "processes": "Processes that a program may have; likewise.",
    "time_per_test": "Whether the time limits hold for each call of the tests, or for all calls together.",
}
SAMPLING = {
    "style": "completion: the model continues the prompt. chat: it is asked in words.",
    "template": "A published prompt instead of the style's own: apps, or in a chat livecodebench or bigcodebench; "
    "or fim: the fill-in-the-middle prompt of the model's family, which fim-… names where the model's name does not.",
    "temperature": "0 is greedy.",
    "top_p": "Tokens are drawn from the most probable ones that make up this share.",
    "max_tokens": (
        "A completion is cut after this many tokens. With max_thinking_tokens, it counts those of the answer alone."
    ),
    "thinking": "true: no answer is begun for the model, and no stop strings are sent; so by default with effort or "
    "max_thinking_tokens.",
    "max_thinking_tokens": "A thought is ended after this many tokens (by a server, with `thinking_tokens_key`).",
    "effort": 'How much the model is to think, in the server\'s words, such as "low"; with "none", it does not.',
    "omit": "Fields that are not sent, because this server refuses them, such as seed, temperature or top_p.",
    "strategy": (
        "sample: independent samples. repair: an answer that fails its public tests is sent back. revise: every answer "
        "is sent back. resample: more samples are drawn until one passes the public tests, at most `turns` times."
    ),
    "turns": "How often an answer is sent back, at most; 1 if it is not given.",
    "repairs": "Repairs that are drawn for each program that fails; 1 if it is not given.",
    "feedback": (
        "What the model is told for a repair: the verdict, the error, the first public test that fails (test, the "
        "default), or that test, and to explain before it writes (explain)."
    ),
    "stop": (
        "Texts at which a completion ends, instead of the style's own. Or selection-pass: no more samples of a "
        "problem once one passes its public tests."
    ),
    "shots": "Solved problems, by name, that are shown before the one that is asked.",
    "shots_from": "Where the shots are, if not among the problems of the study's source.",
}
MODEL = {
    "name": "The name of the model in reports.",
    "backend": "The engine: llamacpp on the processor, vllm on GPUs, openai for a server, replay for a recording.",
    "samples": "Samples of each problem.",
    "model": (
        "What the engine opens: a name of `sampler models list` or of the model hub, or a path; by default `name`."
    ),
    "file": "The recording of a replay.",
    "greedy": (
        "Whether one more sample is drawn at temperature 0. It is shown as a point of its own, and is in no pass@k."
    ),
    "request": "Fields that are sent to the engine as they are. A list makes a model of each of its values.",
    "options": "How the engine runs.",
    "costs": "What the model costs, where that is not measured.",
    "architecture": "The sizes of the model, for FLOPs, instead of those that the engine reports.",
}
COSTS = {
    "table_flops": "FLOPs of one sample of any length.",
    "table_seconds": "Seconds of one sample of any length.",
    "prompt_dollars": "Dollars for a million tokens read.",
    "completion_dollars": "Dollars for a million tokens written.",
    "cached_dollars": "Dollars for a million tokens of the prompt that the engine had cached; else prompt_dollars.",
    "cache_write_dollars": "Dollars for a million tokens of the prompt written into a cache; else prompt_dollars.",
    "prices_of": 'Take the dollars that are not given from a table of prices, such as "openai/gpt-5-mini".',
    "prices_on": "The day whose prices hold, such as 2026-11-30.",
    "thought_dollars": "Dollars for a million tokens of a thought; else completion_dollars.",
}
ARCHITECTURE = {
    "layers": "Number of layers.",
    "hidden": "Width between the layers.",
    "attention_width": "Heads × size of a head.",
    "matmul_params": "Weights multiplied for every token, without embedding and unembedding; of experts, those in use.",
    "unembed_params": "Vocabulary × hidden.",
    "kv_width": "Key-value heads × size of a head.",
    "window": "Positions that a layer with a sliding window looks back, itself among them.",
    "windowed_layers": "How many layers have such a window.",
    "weights": "Number of all weights in memory.",
}
SANDBOX = {
    "boxes": "Boxes that work at once; if it is not given, one for each core. On a cluster, those of each node.",
    "cluster": 'Where programs run: the nodes of a Ray cluster, "auto", "ray://HOST:PORT" or "HOST:PORT".',
    "registry": "A registry from which nodes fetch the box image; without one, nodes copy it from each other.",
    "python": 'A version of Python such as "3.13"; if it is not given, the image\'s own.',
    "packages": 'Packages that programs may import, such as "numpy" or "numpy==2.1.3".',
    "profile": "The packages of a benchmark, each pinned, instead of `packages` (docs/guides/scoring.md).",
    "fresh": "Whether each call of a test runs in a process of its own, so that no call sees another.",
}
LIMITS = {
    "cpu_s": "CPU seconds of a program.",
    "wall_s": "Wall-clock seconds of a program.",
    "memory_mb": "MB of memory of a program.",
    "processes": "Processes and threads of a program.",
    "output_kb": "kB that a program may print.",
    "disk_mb": "MB that a program may write to files.",
    "files": "Files that a program may make.",
}
REPORT = {
    "budgets": "The amounts at which models are compared, in each unit that is named here.",
    "log": "A tracker that gets the progress of a run, and its curves at the end: trackio, wandb, or trackio:PROJECT.",
}
BUDGETS = {
    "flops": "FLOPs by the architecture: products of matrices, and attention at every position.",
    "flops_params": "FLOPs by the rule 2N for each token.",
    "flops_128": "FLOPs of one pass over 128 tokens for each sample, as Hassid et al. (2024) count.",
    "table_flops": "FLOPs as `table_flops` of [models.costs] says.",
    "seconds": "Measured engine time, in seconds.",
    "table_seconds": "Seconds as `table_seconds` of [models.costs] says.",
    "sandbox_seconds": "CPU seconds of executing the programs.",
    "total_seconds": "Engine time and sandbox time together, in seconds.",
    "joules": "Measured energy of the engine's devices.",
    "dollars": "Dollars by the prices of [models.costs].",
    "tokens": "Tokens read and written.",
    "samples": "Samples.",
}
_OPTIONS = {
    ("llamacpp", "slots"): "Samples that are decoded at the same time.",
    ("llamacpp", "context"): "Size of the context in tokens, which all samples in flight share.",
    ("llamacpp", "threads"): "Threads of the engine; 0: one for each physical core.",
    ("llamacpp", "chat_template"): "The text of a Jinja template, instead of the model's own.",
    ("llamacpp", "start_timeout_s"): "Seconds that loading may take.",
    ("llamacpp", "answer_timeout_s"): "Seconds that the engine may be silent.",
    ("llamacpp", "replicas"): "Engines; more than one run on the nodes of a Ray cluster.",
    ("llamacpp", "cluster"): 'Which cluster that is: "auto", "ray://HOST:PORT" or "HOST:PORT".',
    ("vllm", "replicas"): "Engines; more than one run on the nodes of a Ray cluster, each with GPUs of its own.",
    ("vllm", "cluster"): 'Which cluster that is: "auto", "ray://HOST:PORT" or "HOST:PORT".',
    ("vllm", "ahead"): "Samples that are handed to the engine, with those that wait in it; 0: twice its batch.",
    ("vllm", "seeded"): "Whether each sample draws with its own seed; without, small models are faster on GPUs.",
    ("vllm", "logprobs"): "Whether log-probabilities are kept.",
    ("vllm", "engine"): "Options of vLLM itself, under vLLM's own names, such as tensor_parallel_size.",
    ("openai", "base_url"): 'Where the server is, such as "http://127.0.0.1:8000/v1".',
    ("openai", "api_key_env"): "The environment variable that holds the key; the key itself is never written anywhere.",
    ("openai", "dialect"): "open: vLLM, SGLang, llama.cpp. hosted: servers that take only what OpenAI documents.",
    ("openai", "concurrency"): "Samples in flight.",
    ("openai", "n"): "Choices (samples) that one call asks for.",
    (
        "openai",
        "stream",
    ): "Whether answers come token by token; this separates the time of the prompt from that of the answer.",
    ("openai", "logprobs"): "Whether log-probabilities are asked for.",
    ("openai", "most_stops"): "How many stop strings the server takes; OpenAI's API and vLLM's take 4.",
    (
        "openai",
        "max_tokens_key",
    ): 'What the server calls max_tokens: "max_completion_tokens" for OpenAI\'s own newer models.',
    ("openai", "thinking_tokens_key"): (
        'The field for max_thinking_tokens: vLLM\'s, or "reasoning_budget_tokens" of llama.cpp; '
        "a dot names a field inside a field."
    ),
    ("openai", "headers"): 'Further headers; a value "$NAME" is that of an environment variable.',
    ("openai", "attempts"): "How often a call is tried; then sampling ends, or continues without that sample.",
    ("openai", "retry_wait_s"): "Seconds before the second attempt; they double from then on, up to a minute.",
    ("openai", "longest_wait_s"): "The longest wait in seconds that a server may ask for (Retry-After).",
    ("openai", "connect_timeout_s"): "Seconds that connecting may take.",
    ("openai", "answer_timeout_s"): "Seconds that the server may be silent.",
    ("openai", "call_timeout_s"): "Seconds that a call may take in all.",
}
_TEXT: Schema = {"type": "string", "pattern": r"\S"}
_TEXTS: Schema = {"type": "array", "items": {"type": "string"}}
_FLAG: Schema = {"type": "boolean", "default": False}
_COUNT: Schema = {"type": "integer", "minimum": 1, "maximum": MOST}
_PROBABLE = {
    "temperature": {"minimum": 0},
    "top_p": {"exclusiveMinimum": 0, "maximum": 1},
    "max_tokens": {"minimum": 1},
}


def options_word(backend: str, key: str) -> str:
    """Return the description of an engine's option."""
    return _OPTIONS.get((backend, key), f"See the docstring of sampler/backends/{backend}.py.")


Schema = dict[str, Any]


def study_schema() -> Schema:
    """Return the schema, in the recommended order of a file."""
    top = {
        "name": _TEXT,
        "seed": {"type": "integer", "minimum": 0, "maximum": MOST_SEED, "default": 0},
        "store": _TEXT,
        "problems": _problems(),
        "sampling": _table(_sampling(), SAMPLING),
        "models": {"type": "array", "minItems": 1, "items": _model()},
        "sandbox": _sandbox(),
        "report": _report(),
        "budget": _table(
            {
                "max_flops": {"type": "number", "exclusiveMinimum": 0},
                "max_dollars": {"type": "number", "exclusiveMinimum": 0},
                "stop": {"enum": list(STOPS), "default": STOPS[0]},
                "precision": {"type": "number", "minimum": 0, "exclusiveMaximum": 1},
                "first": _COUNT,
                "allot": {"enum": list(ALLOTS), "default": ALLOTS[0]},
            },
            BUDGET,
        ),
    }
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A study of codebudget"}
    return head | _table(top, STUDY, required=("problems", "models"))


def _table(properties: Mapping[str, Schema], told: Mapping[str, str], *, required: tuple[str, ...] = ()) -> Schema:
    """Return the schema of a table with these keys and no others, each with its description."""
    keys = {key: {"description": told[key], **schema} for key, schema in properties.items()}
    table: Schema = {"type": "object", "properties": keys, "additionalProperties": False}
    return table | {"required": list(required)} if required else table


def _problems() -> Schema:
    keys: dict[str, Schema] = {
        "source": {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1, "uniqueItems": True}]},
        "split": {"enum": list(SPLIT_NAMES)},
        "numbers": {"type": "string", "pattern": f"^{NUMBERS}$"},
        "every": _COUNT,
        "limit": _COUNT,
        "names": {**_TEXTS, "minItems": 1},
        **{key: {"type": "string", "pattern": "^[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?$"} for key in ("since", "until")},
        **dict.fromkeys(("difficulty", "platform", "tags"), _TEXTS),
        "task": _TEXT,
        "checker_files": _TEXTS,
        "map": _map(),
        "keep_failing": _FLAG,
        "skip_bad": _FLAG,
        "output_rule": {"enum": list(OUTPUT_RULES)},
        "language": {"enum": language_names(built_in=True)},
        "selection": {"enum": list(SELECTIONS), "default": SELECTIONS[0]},
        "assume": _assume(),
    }
    keys["source"]["examples"] = list(BUILT_IN)
    counted = [{"required": [key]} for key in ("split", "numbers", "every", "limit")]
    alone = {"if": {"required": ["names"]}, "then": {"not": {"anyOf": counted}}}
    return _table(keys, PROBLEMS, required=("source",)) | alone


def _map() -> Schema:
    return _table(dict.fromkeys(USUAL, _TEXT), MAP)


def _assume() -> Schema:
    least, most = RECURSION_BOUNDS
    keys: dict[str, Schema] = {
        "imports": {"type": "string"},
        "recursion_limit": {"type": "integer", "minimum": least, "maximum": most},
        "long_integers": {"type": "boolean"},
        "top_level_return": {"type": "boolean"},
        **{key: {"type": "number", **_within(key)} for key in ("cpu_s", "wall_s")},
        **{key: {"type": "integer", **_within(key)} for key in ("memory_mb", "processes")},
        "time_per_test": {"type": "boolean"},
    }
    return _table(keys, ASSUME)


def _within(limit: str) -> Schema:
    least, most = LIMIT_BOUNDS[limit]
    return {"minimum": least, "maximum": most}


def _sampling() -> dict[str, Schema]:
    usual = SamplingParams()
    params = {key: _number(getattr(usual, key)) | bounds for key, bounds in _PROBABLE.items()}
    style = {"enum": list(PromptStyle), "default": PromptStyle.COMPLETION.value}
    texts = {"type": "array", "items": {"type": "string", "minLength": 1}}
    stop = {"anyOf": [texts, {"const": STOP_SELECTED}]}
    template = {"enum": list(Template)}
    thinking: dict[str, Schema] = {
        "thinking": {"type": "boolean"},
        "max_thinking_tokens": {"type": "integer", "minimum": 0, "maximum": MOST},
        "effort": _TEXT,
        "omit": {"type": "array", "items": {"enum": list(OMITTABLE)}},
    }
    shots = {"shots": _TEXTS, "shots_from": _TEXT}
    strategy: dict[str, Schema] = {
        "strategy": {"enum": list(STRATEGIES), "default": PLAIN},
        "turns": _COUNT,
        "repairs": _COUNT,
        "feedback": {"enum": list(Feedback)},
    }
    return {"style": style, "template": template, **params, **thinking, **strategy, "stop": stop, **shots}


def _number(default: float) -> Schema:
    if isinstance(default, int):
        return {"type": "integer", "maximum": MOST, "default": default}
    return {"type": "number", "default": default}


def _model() -> Schema:
    own = {
        key: {item: value for item, value in schema.items() if item != "default"} for key, schema in _sampling().items()
    }
    for key in LISTED:
        own[key] = {"anyOf": [own[key], {"type": "array", "items": own[key], "minItems": 1}]}
    keys: dict[str, Schema] = {
        "name": _TEXT,
        "backend": {"enum": list(BACKENDS.built_in)},
        "samples": _COUNT,
        "model": _TEXT,
        "file": _TEXT,
        "greedy": _FLAG,
        **own,
        "request": {"type": "object"},
        "options": {"type": "object"},
        "costs": _costs(),
        "architecture": _given(Architecture, ARCHITECTURE, {"maximum": MOST_WEIGHTS}),
    }
    keys["costs"]["dependentRequired"] = {"prices_of": ["prices_on"], "prices_on": ["prices_of"]}
    both = {"prompt_dollars": ["completion_dollars"], "completion_dollars": ["prompt_dollars"]}
    some = {key: ["prompt_dollars"] for key in ("cached_dollars", "cache_write_dollars", "thought_dollars")}
    keys["costs"] |= {"if": {"not": {"required": ["prices_of"]}}, "then": {"dependentRequired": both | some}}
    recorded: Schema = {
        "if": {"properties": {"backend": {"const": "replay"}}, "required": ["backend"]},
        "then": {"required": ["file"], "properties": {"greedy": {"const": False}}},
        "else": {"properties": {"file": False}},
    }
    model = _table(keys, MODEL | SAMPLING, required=("name", "backend", "samples"))
    return model | {"allOf": [recorded, *map(_options_of, BACKENDS.built_in)]}


def _options_of(backend: str) -> Schema:
    kind = BACKENDS.load(backend).options
    keys = {} if kind is None else {item.name: _field(item.default, str(item.type), {}) for item in fields(kind)}
    options = _table(keys, {key: options_word(backend, key) for key in keys})
    return {
        "if": {"properties": {"backend": {"const": backend}}, "required": ["backend"]},
        "then": {"properties": {"options": options}},
    }


def _costs() -> Schema:
    costs = _given(GivenCosts, COSTS | {"prices": ""}, {})
    del costs["properties"]["prices"]  # says where the dollars of a table are from
    words = {"prices_of": _TEXT, "prices_on": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"}}
    costs["properties"] |= {key: {"description": COSTS[key], **schema} for key, schema in words.items()}
    return costs


def _given(kind: type[Any], told: Mapping[str, str], bounds: Schema) -> Schema:
    """Return the schema of a table with a dataclass's fields."""
    keys = {item.name: _field(item.default, str(item.type), {"minimum": 0} | bounds) for item in fields(kind)}
    return _table(keys, told, required=tuple(item.name for item in fields(kind) if item.default is MISSING))


def _field(default: object, kind: str, bounds: Schema) -> Schema:
    told: Schema = {} if default is MISSING or default is None or default == "" else {"default": default}
    match kind.removesuffix(" | None"):
        case "int":
            return {"type": "integer", "minimum": 0, "maximum": MOST, **bounds, **told}
        case "float":
            return {"type": "number", **bounds, **told}
        case "bool":
            return {"type": "boolean", **told}
        case "str":
            return _TEXT | told
        case "Mapping[str, object]":
            return {"type": "object"}
        case _:
            return _TEXTS | told


def _sandbox() -> Schema:
    usual = Limits()
    limits = {key: _number(getattr(usual, key)) | _within(key) for key in LIMIT_BOUNDS}
    packages = {
        "type": "array",
        "items": {"type": "string", "pattern": r"^[A-Za-z0-9][A-Za-z0-9._-]*(==[A-Za-z0-9.+!]+)?$"},
    }
    keys = {
        "boxes": _COUNT,
        "cluster": _TEXT,
        "registry": _TEXT,
        "python": {"type": "string", "pattern": f"^{PYTHON}$"},
        "packages": packages,
        "profile": {"enum": profile_names()},
        "fresh": _FLAG,
        **limits,
    }
    return _table(keys, SANDBOX | LIMITS)


def _report() -> Schema:
    amounts = {"type": "array", "items": {"type": "number", "exclusiveMinimum": 0}}
    budgets = _table({unit.value: amounts for unit in Unit}, BUDGETS)
    return _table({"budgets": budgets, "log": _TEXT}, REPORT)
