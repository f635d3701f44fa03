"""Describe each key of a study file in one sentence.

The schema, `docs/study.md` and `sampler init` use these sentences.
"""

from __future__ import annotations

STUDY = {
    "name": "The study's name in its store; if it is not given, that of the file.",
    "seed": "Decides the seed of every sample, and the resampling of the report.",
    "store": "The file for samples and verdicts; if it is not given, the study file's name with the ending .db.",
    "problems": "Which problems are asked.",
    "sampling": "How every model is asked; a model may say otherwise under the same keys.",
    "models": "The models, a table [[models]] each.",
    "sandbox": "Where programs are executed, and what they may use.",
    "report": "What the report shows.",
}
PROBLEMS = {
    "source": (
        "A built-in set (humaneval), a file of problems or a directory of APPS, relative to the study file; or a list."
    ),
    "split": "A published split of the data set: of MBPP, tasks 1–10 (prompt), 11–510 (test), 511–600, 601–974.",
    "numbers": 'Problems by the number at the end of their names, such as "11-510" or "2, 3, 4".',
    "every": "Of those, every so many-th, from the first.",
    "limit": "Of those, no more than so many.",
    "names": 'In the place of all that: problems by name, such as "HumanEval/0".',
    "skip_bad": "Leave out rows that are malformed, and say which, in the place of stopping.",
    "output_rule": (
        "How what whole programs print is compared, in the place of the data set's own rule (docs/problems.md)."
    ),
    "assume": "What programs may assume, in the place of what their data set says (docs/problems.md).",
}
ASSUME = {
    "imports": "Python that runs before every program, in its namespace.",
    "recursion_limit": "The recursion limit that programs begin with.",
    "long_integers": "Whether integers of more than 4,300 digits are read and printed.",
    "cpu_s": "CPU seconds of a program; what [sandbox] says wins, unless that is the usual.",
    "wall_s": "Seconds until a program is stopped; likewise.",
    "time_per_test": "Whether the limits of time hold for each call of the tests, not for all together.",
}
SAMPLING = {
    "style": "completion: the model goes on where the prompt stops. chat: it is asked in words.",
    "template": "A published prompt in the place of the style's own: apps, or in a chat livecodebench or bigcodebench.",
    "temperature": "0 is greedy.",
    "top_p": "Tokens are drawn from the most probable ones that make up this share.",
    "max_tokens": "A completion is cut after so many tokens.",
    "stop": "Texts at which a completion ends, in the place of the style's own.",
    "shots": "Solved problems, by name, that are shown before the one that is asked.",
    "shots_from": "Where the shots are, if not among the problems of the study's source.",
}
MODEL = {
    "name": "What reports call the model.",
    "backend": "The engine: llamacpp on the processor, vllm on GPUs, openai for a server, replay for a recording.",
    "samples": "Samples of each problem.",
    "model": "What the engine opens: a name of `sampler models list` or of the model hub, or a path; else the name.",
    "file": "The recording of a replay.",
    "greedy": "Whether one more sample is drawn at temperature 0. It is a point of its own, never among the others.",
    "options": "How the engine runs.",
    "costs": "What the model costs, where that is not measured.",
    "architecture": "The model's numbers, in the place of what the engine tells.",
}
COSTS = {
    "table_flops": "FLOPs of one sample of any length.",
    "table_seconds": "Seconds of one sample of any length.",
    "prompt_dollars": "Dollars for a million tokens read.",
    "completion_dollars": "Dollars for a million tokens written.",
}
ARCHITECTURE = {
    "layers": "Layers.",
    "hidden": "Width between the layers.",
    "attention_width": "Heads × size of a head.",
    "matmul_params": "Weights multiplied for every token, without embedding and unembedding; of experts, those in use.",
    "unembed_params": "Vocabulary × hidden.",
    "kv_width": "Key-value heads × size of a head.",
    "window": "Positions that a layer with a sliding window looks back, itself among them.",
    "windowed_layers": "How many layers have such a window.",
    "weights": "All weights in memory.",
}
SANDBOX = {
    "boxes": "Boxes that work at once; if it is not given, one for each core.",
    "python": 'A version of Python such as "3.13"; if it is not given, the image\'s own.',
    "packages": 'Packages that programs may import, such as "numpy" or "numpy==2.1.3".',
    "fresh": "Whether each call of a test is answered in a process of its own that sees no other.",
}
LIMITS = {
    "cpu_s": "CPU seconds of a program.",
    "wall_s": "Seconds until a program is stopped.",
    "memory_mb": "MB of memory.",
    "processes": "Processes and threads.",
    "output_kb": "kB that it may print.",
    "disk_mb": "MB that it may write.",
    "files": "Files that it may make.",
}
REPORT = {"budgets": "The amounts at which models are compared, in each unit that is named here."}
BUDGETS = {
    "flops": "By the architecture: products of matrices, and attention at every position.",
    "flops_params": "By the rule 2N for each token.",
    "flops_128": "One pass over 128 tokens for each sample, as Hassid et al. (2024) count.",
    "table_flops": "As the model's table of costs says.",
    "seconds": "Measured engine time.",
    "table_seconds": "As the model's table of costs says.",
    "sandbox_seconds": "CPU seconds of executing the programs.",
    "total_seconds": "Engine time and sandbox time together.",
    "joules": "Measured energy of the engine's devices.",
    "dollars": "By the prices in the model's table of costs.",
    "tokens": "Read and written.",
    "samples": "Samples.",
}
_OPTIONS = {
    ("llamacpp", "slots"): "Samples that are written at once.",
    ("llamacpp", "context"): "Tokens over everything in flight.",
    ("llamacpp", "threads"): "Threads; 0: one for each physical core.",
    ("llamacpp", "start_timeout_s"): "Seconds that loading may take.",
    ("llamacpp", "answer_timeout_s"): "Seconds that the engine may be silent.",
    ("vllm", "ahead"): "Samples that the engine holds, waiting ones too; 0: twice its batch.",
    ("vllm", "seeded"): "Whether each sample draws with its own seed; without, small models are faster on GPUs.",
    ("vllm", "logprobs"): "Whether log-probabilities are kept.",
    ("vllm", "engine"): "Handed to vLLM as it is, under vLLM's own names, such as tensor_parallel_size.",
    ("openai", "base_url"): 'Where the server is, such as "http://127.0.0.1:8000/v1".',
    ("openai", "api_key_env"): "The environment variable that holds the key; the key itself is never written anywhere.",
    ("openai", "dialect"): "open: vLLM, SGLang, llama.cpp. hosted: servers that take only what OpenAI documents.",
    ("openai", "concurrency"): "Samples in flight.",
    ("openai", "n"): "Choices in a call.",
    ("openai", "stream"): "Whether answers come token by token, which tells reading from writing.",
    ("openai", "logprobs"): "Whether log-probabilities are asked for.",
    ("openai", "most_stops"): "Stop strings that the server takes; OpenAI's API and vLLM's take 4.",
    (
        "openai",
        "max_tokens_key",
    ): 'What the server calls max_tokens: "max_completion_tokens" for OpenAI\'s own newer models.',
    ("openai", "attempts"): "How often a call is tried before sampling ends, or goes on without a sample.",
    ("openai", "retry_wait_s"): "Seconds before the second attempt; they double from then on, up to a minute.",
    ("openai", "longest_wait_s"): "Seconds that the server may ask us to stay away (Retry-After).",
    ("openai", "connect_timeout_s"): "Seconds that connecting may take.",
    ("openai", "answer_timeout_s"): "Seconds that the server may be silent.",
    ("openai", "call_timeout_s"): "Seconds that a call may take in all.",
}


def options_word(backend: str, key: str) -> str:
    """Return the description of an engine's option."""
    return _OPTIONS.get((backend, key), f"See the docstring of sampler/backends/{backend}.py.")
