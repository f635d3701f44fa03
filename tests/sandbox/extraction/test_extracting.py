from __future__ import annotations

import ast
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.extraction import STOPS, answered, continued, extract
from sandbox.problems import Form, Problem, load_problems, read_problem

ADD = Problem(
    name="Test/0",
    prompt=(
        "import math\n\ndef helper(x):\n    return x\n\ndef add(a, b):\n"
        '    """Return a plus b.\n    >>> add(2, 3)\n    5\n    """\n'
    ),
    entry_point="add",
    tests="def check(candidate):\n    assert candidate(2, 3) == 5\n",
)
DOUBLE = read_problem(
    {"task_id": "double", "prompt": "Read a number, print its double.", "tests": [{"stdin": "21\n", "stdout": "42\n"}]}
)
FENCE = "```python\n"
WAYS = (
    extract,
    lambda text, problem: answered(text, problem, prefill=FENCE),
    lambda text, problem: continued(text, problem, stops=STOPS),
    lambda text, problem: extract(text, problem, given="raw"),
)


def text(indented: str) -> str:
    return textwrap.dedent(indented).lstrip("\n")


def fails_without_code(source: str) -> bool:
    """Whether the source is one that an answer without code becomes."""
    try:
        exec(compile(source, "extracted", "exec"), {})
    except NotImplementedError as error:
        return "holds no code" in str(error)
    return False


def add_of(source: str):
    """The function of our own that the source defines."""
    namespace: dict[str, object] = {}
    exec(compile(source, "extracted", "exec"), namespace)
    assert namespace["math"], "the prompt's imports are there"
    return namespace["add"]


ADDS = "def add(a, b):\n    return a + b"
GOOD_ANSWERS = {
    "a fenced block": "```python\ndef add(a, b):\n    return a + b\n```",
    "a fence without a tag": "```\ndef add(a, b):\n    return a + b\n```",
    "a fence tagged Python3": "```Python3\ndef add(a, b):\n    return a + b\n```",
    "a tag after a space": "``` py\ndef add(a, b):\n    return a + b\n```",
    "a tag with attributes": '```python title="add.py"\ndef add(a, b):\n    return a + b\n```',
    "tildes": "~~~python\ndef add(a, b):\n    return a + b\n~~~",
    "four backticks": "````python\ndef add(a, b):\n    return a + b\n````",
    "an unclosed fence": "Sure!\n```python\ndef add(a, b):\n    return a + b",
    "prose around": "Here you are:\n\n```python\ndef add(a, b):\n    return a + b\n```\n\nThis adds the numbers.",
    "windows line ends": "```python\r\ndef add(a, b):\r\n    return a + b\r\n```\r\n",
    "a fence at the end of the last line": "```python\ndef add(a, b):\n    return a + b```",
    "an indented block in a list": (
        "1. First:\n\n   ```python\n   def add(a, b):\n       return a + b\n   ```\n2. Done."
    ),
    "indented code in a fence": "```python\n    def add(a, b):\n        return a + b\n```",
    "no fence": "def add(a, b):\n    return a + b",
    "no fence, prose before": "Here is the function:\n\ndef add(a, b):\n    return a + b",
    "no fence, prose after": (
        "def add(a, b):\n    return a + b\n\nThis function adds a to b. For example, add(1, 2) is 3."
    ),
    "no fence, indented": "    def add(a, b):\n        return a + b",
    "a body, indented": "```python\n    return a + b\n```",
    "a body at the margin": "```python\nreturn a + b\n```",
    "a body of several lines": "```python\n    total = a\n    total += b\n    return total\n```",
    "a body with its own import": "```python\nimport math\nreturn a + b\n```",
    "a body with its own function": "```python\ndef inner(x):\n    return x + b\nreturn inner(a)\n```",
    "a body without a fence": "    return a + b",
    "thoughts before": (
        "<think>\nMaybe:\n```python\ndef add(a, b): return 0\n```\n</think>\n```python\n"
        "def add(a, b):\n    return a + b\n```"
    ),
    "thoughts that the template opened": "Let me see.\n</think>\n\n```python\ndef add(a, b):\n    return a + b\n```",
    "code about thoughts": '```python\ndef add(a, b):\n    mark = "</think>"\n    return a + b\n```',
    "a console session": "```pycon\n>>> def add(a, b):\n...     return a + b\n...\n>>> add(1, 2)\n3\n```",
    "a usage block after": "```python\ndef add(a, b):\n    return a + b\n```\nUse it:\n```python\nprint(add(1, 2)\n```",
    "a shell block before": "```bash\npip install add\n```\n```python\ndef add(a, b):\n    return a + b\n```",
    "a shell block before, unclosed": "```bash\npip install add\n```python\ndef add(a, b):\n    return a + b\n```",
    "a helper in a block of its own": (
        "```python\ndef plus(a, b):\n    return a + b\n```\nand\n```python\ndef add(a, b):\n    return plus(a, b)\n```"
    ),
    "an import in a block of its own": (
        "```python\nfrom operator import add as plus\n```\n```python\ndef add(a, b):\n    return plus(a, b)\n```"
    ),
    "the question quoted first": (
        '```python\ndef add(a, b):\n    """Return a plus b."""\n```\nNow solved:\n```python\n'
        'def add(a, b):\n    """Return a plus b."""\n    return a + b\n```'
    ),
    "the signature quoted first": (
        "```python\ndef add(a, b):\n```\nNow solved:\n```python\ndef add(a, b):\n    return a + b\n```"
    ),
    "a second version after": (
        "```python\ndef add(a, b):\n    return a + b\n```\nOr shorter:\n```python\nadd = lambda a, b: sum((a, b))\n```"
    ),
    "a lambda": "```python\nadd = lambda a, b: a + b\n```",
    "an annotated lambda": "```python\nadd: object = lambda a, b: a + b\n```",
    "type annotations": "```python\ndef add(a: int, b: int) -> int:\n    return a + b\n```",
    "the prompt's helper": "```python\ndef add(a, b):\n    return helper(a) + helper(b)\n```",
    "the prompt's import": "```python\ndef add(a, b):\n    return int(math.fsum((a, b)))\n```",
    "a future import": "```python\nfrom __future__ import annotations\ndef add(a: X, b: Y):\n    return a + b\n```",
    "an unclosed fence, cut in a usage example": "```python\ndef add(a, b):\n    return a + b\n\nprint(add(1,",
    "an unclosed fence, cut in a second function": "```python\ndef add(a, b):\n    return a + b\n\ndef test(",
    "a docstring with a doctest": (
        '```python\ndef add(a, b):\n    """\n    >>> add(1, 2)\n    3\n    """\n    return a + b\n```'
    ),
    "tabs": "```python\ndef add(a, b):\n\treturn a + b\n```",
    "a wrong version before it": f"```python\ndef add(a, b):\n    return a\n```\nNo:\n```python\n{ADDS}\n```",
    "a stub that raises before it": (
        "```python\ndef add(a, b):\n    raise NotImplementedError\n```\n```python\ndef add(a, b):\n    return a + "
        "b\n```"
    ),
    "a stub after it": (
        "```python\ndef add(a, b):\n    return a + b\n```\nFor you:\n```python\ndef add(a, b):\n    ...\n```"
    ),
    "a version after it that is no Python": (
        "```python\ndef add(a, b):\n    return a + b\n```\nIn short:\n```python\ndef add(a, b): … as before\n```"
    ),
    "a helper beside a wrong version": (
        "```python\nimport operator\ndef plus(a, b):\n    return operator.add(a, b)\n\n"
        "def add(a, b):\n    return plus(a, a)\n```\n"
        "Fixed:\n```python\ndef add(a, b):\n    return plus(a, b)\n```"
    ),
    "a helper after it": (
        "```python\ndef add(a, b):\n    return plus(a, b)\n```\n```python\ndef plus(a, b):\n    return a + b\n```"
    ),
    ("a value in a block of its own"): (
        "```python\nZERO = 0\n```\n```python\ndef add(a, b):\n    return ZERO + a + b\n```"
    ),
    "a fence in the docstring": (
        '```python\ndef add(a, b):\n    """\n    ```\n    add(1, 2)\n    ```\n    """\n    return a + b\n```'
    ),
    "a tagged fence in a text at the margin": f"```python\nNOTE = '''\n```python\nx\n```\n'''\n{ADDS}\n```",
    "a literal that never ends before it": (
        '```python\ndef add(a, b):\n    """Oh\n    return 1\n```\nAgain:\n```python\ndef add(a, b):\n    return a '
        "+ b\n```"
    ),
    "a block of Markdown": "````markdown\n# Title\n```python\ndef add(a, b):\n    return a + b\n```\n````",
    "a quotation": "> Here:\n> ```python\n> def add(a, b):\n>     return a + b\n> ```",
    "a block on one line": "```python def add(a, b): return a + b```",
    "code in the line of the fence": "```python def add(a, b):\n    return a + b\n```",
    "a fence behind prose": "Here it is: ```python\ndef add(a, b):\n    return a + b\n```",
    "a fence that the prompt opened": "def add(a, b):\n    return a + b\n```\nUse:\n```python\nprint(add(1, 2))\n```",
    "a body, and a fence that the prompt opened": "    return a + b\n```\nDone.",
    ("an unclosed fence, prose behind it"): (
        "```python\ndef add(a, b):\n    return a + b\n\nThis **adds** them:\n- a\n- b"
    ),
    "no fence, prose that looks like code": (
        "for example, one adds so:\n\ndef add(a, b):\n    return a + b\n\nreturn value is the sum.\nNote: fast.\n"
    ),
    ("no fence, prose between"): (
        "First:\nfrom operator import add as plus\n\nNow it:\n\ndef add(a, b):\n    return plus(a, b)\n"
    ),
    "no fence, two versions": (
        "So:\n\ndef add(a, b):\n    return a\n\nNo, rather:\n\ndef add(a, b):\n    return a + b\n"
    ),
    "no fence, a list over several lines": "TABLE = [\n1,\n]\n\ndef add(a, b):\n    return a + b\n",
    "no fence, a docstring at the margin": '"""\nA module\nfor sums.\n"""\ndef add(a, b):\n    return a + b\n',
    "no fence, cut in a call": "def add(a, b):\n    return a + b\n\nprint(add(1,",
    "no fence, a console session before": ">>> add(1, 2)\n3\n\ndef add(a, b):\n    return a + b\n",
    "no fence, the word python first": "python\ndef add(a, b):\n    return a + b\n",
    ("no fence, it indented and a helper not"): (
        "    def add(a, b):\n        return h(a) + b\n\ndef h(x):\n    return x\n"
    ),
    "no fence, a body and a helper": "    return h(a) + b\n\ndef h(x):\n    return x\n",
    "a body in prose": "Just return the sum:\n\n    return a + b\n\nThat is all.",
    "a body that lost its first indentation": "c = a\n    c += b\n    return c",
    "a body that lost a space, fenced": "```python\n   c = a\n    c += b\n    return c\n```",
    "a body that lost a tab": "c = a\n\tc += b\n\treturn c",
    "a body that lost its first indentation at a colon": "if a == a:\n        return a + b\n    return 0",
    "a body whose first lines lost it": "c = a\nd = b\n    if c == a:\n        c += d\n    return c",
    "a body in single backticks": "`return a + b`",
    "a body behind a comment at the margin, fenced": "```python\n# the sum\n    return a + b\n```",
    "a body with a space too many": "     c = a\n    c += b\n    return c",
    "a body that lost it, use behind it": "c = a\n    c += b\n    return c\n\nprint(add(1, 2))",
    "a body that lost it, behind prose": "It is:\n\nc = a\n    c += b\n    return c",
    "a body that returns what stands behind it": "return h(a) + b\n\ndef h(x):\n    return x",
    "a body with a function in it": "```python\ndef h(x):\n    return x + b\n\nif a == a:\n    return h(a)\n```",
    "indentation by no-break spaces": "```python\ndef add(a, b):\n\u00a0\u00a0\u00a0\u00a0return a + b\n```",
    "a byte order mark": "\ufeffdef add(a, b):\n    return a + b\n",
    ("code about special tokens"): (
        "```python\ndef add(a, b):\n    s = '</s>'  # not <|im_end|> here\n    return a + b\n```"
    ),
    "a whole chat": (
        f"<|im_start|>user\n```python\ndef add(a, b): return 0\n```<|im_end|>\n<|im_start|>assistant\n{ADDS}"
    ),
    "a mark of reasoning that it quotes": f"<think>x</think>\n```python\n{ADDS}\n```\nI closed `<think>`.",
    "reasoning that quotes marks": (
        f"<think>\nuse <think>…</think> then\n```python\ndef add(a, b): return 0\n```\n</think>\n{ADDS}"
    ),
    "reasoning again behind it": (
        "<think>x</think>\n```python\ndef add(a, b):\n    return a + b\n```\n<think>\n```python\ndef add(a, b): "
        "return 0\n```"
    ),
    "a lone surrogate in a comment": "```python\ndef add(a, b):\n    return a + b  # \ud800\n```",
    "a console session in prose": "So:\n\n>>> def add(a, b):\n...     return a + b\n...\n>>> add(1, 2)\n3\n\nDone.",
    "a session of IPython": (
        "```\nIn [1]: def add(a, b):\n   ...:     return a + b\n   ...:\nIn [2]: add(1, 2)\nOut[2]: 3\n```"
    ),
    "a helper of it corrected": (
        "```python\ndef plus(a, b):\n    return a\n\ndef add(a, b):\n    return plus(a, b)\n```\nCorrected:\n"
        "```python\ndef plus(a, b):\n    return a + b\n```"
    ),
    "a part of it behind it": f"```python\n{ADDS}\n```\nMore:\n```python\ndef add(a, b):\n    ...\n    return a\n```",
    ("an output by its name behind it"): (
        f"```python\n{ADDS}\n```\n```python\nadd = add(1, 2)\n```\n```python\nadd = [3]\n```"
    ),
    "a quotation without a fence": "> def add(a, b):\n>     return a + b\n",
    "in a branch": (
        "```python\ntry:\n    import add\nexcept ImportError:\n    def add(a, b):\n        return a + b\n```"
    ),
    "an escape that warns": "```python\ndef add(a, b):\n    '\\d'\n    return a + b\n```",
}


@pytest.mark.parametrize("answer", GOOD_ANSWERS.values(), ids=GOOD_ANSWERS.keys())
@pytest.mark.filterwarnings("ignore:invalid escape")
def test_the_code_of_a_chat_answer_is_found_in(answer):
    assert add_of(extract(answer, ADD).source)(2, 3) == 5


@pytest.mark.parametrize(
    "tag",
    [
        "{python}",
        "{.python .numberLines}",
        "python:add.py",
        "python3.11",
        "Python 3",
        "python,linenos",
        "add.py",
        "solution",
    ],
)
def test_a_tag_of_python_may_be_written_in_many_ways(tag):
    output = "```\nadd = 3\n```"
    assert add_of(extract(f"```{tag}\ndef add(a, b):\n    return a + b\n```\n{output}", ADD).source)(2, 3) == 5


@pytest.mark.parametrize(
    "token",
    ["<|im_end|>", "</s>", "<|eot_id|>", "<|endoftext|>", "<end_of_turn>", "<eos>", "<|EOT|>",
     "<\uff5cend\u2581of\u2581sentence\uff5c>", "<|file_sep|>", "<file_sep>", "[/INST]", "<|anything_like_it|>",
     "<filename>", "<jupyter_code>", "<fim-middle>", "<EOT>", "<extra_id_0>", "[UNUSED_TOKEN_145]", "<0x0A>",
     "</assistant>"],
)  # fmt: skip
@pytest.mark.parametrize("way", range(4))
def test_a_special_token_ends_every_kind_of_text(token, way):
    other = "\ndef add(a, b):\n    return 0\n"
    whole = "def add(a, b):\n    return a + b"
    texts = [
        whole + token + other,
        f"```python\n{whole}\n```{token}```python{other}```",
        f"```python\n{whole}{token}{other}",
        f"    return a + b{token}{other}",
    ]
    assert add_of(extract(texts[way], ADD).source)(2, 3) == 5
    assert add_of(extract(f"    return a + b\n{token}{other}", ADD, given="raw").source)(2, 3) == 5


@pytest.mark.parametrize("given", ["completion", "solution"])
def test_as_it_is_means_as_it_is(given):
    text = "\ufeff```python\r\n<think>\n    return a + b<|im_end|>\n```\n\ud800"
    source = extract(text, ADD, given=given).source
    assert source == (ADD.prompt + text if given == "completion" else text)
    assert extract(text, DOUBLE, given=given).source == text


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("```python\ndef add(a, b): return 1\n```\n" * 2, "the last of 2 closed blocks that define add"),
        ("def add(a, b): return 1", "the text as a whole, which is Python"),
        ("<think>x</think>def add(a, b): return 1", "the text as a whole, which is Python, after its reasoning"),
        ("<think>def add(a, b): return 1", "reasoning that never ended: there is no answer"),
        ("I cannot.", "no code in the answer"),
        ("return a", "the text as a whole, which is the body of add"),
    ],
)
def test_the_reason_names_the_rule(answer, why):
    assert extract(answer, ADD).why == why


@pytest.mark.parametrize(
    "prose",
    ["You should import math and add them.", "No", "import this carefully, please", "return the sum of a and b", "x"],
)
def test_prose_is_never_executed(prose):
    assert fails_without_code(extract(prose, DOUBLE).source)
    with pytest.raises((NotImplementedError, SyntaxError)):
        add_of(extract(prose, ADD).source)(2, 3)


def test_what_cannot_be_given_is_an_error_that_says_what_can():
    with pytest.raises(ValueError, match="there are answer, completion, solution, raw"):
        extract("", ADD, given="program")


@pytest.mark.parametrize(
    "continuation",
    [
        "def add(a, b):\n    return a + b\n```\nThat is all.",
        "def add(a, b):\n    return a + b",
        "```python\ndef add(a, b):\n    return a + b\n```",
        "return a + b",
        "    return a + b\n```",
        "def add(a, b):\n    return a + b\n\n# Example\nprint(add(1, ",
    ],
)
def test_the_answer_goes_on_after_the_prefill(continuation):
    assert add_of(answered(continuation, ADD, prefill=FENCE).source)(2, 3) == 5


@pytest.mark.parametrize(
    "rest",
    [
        "",
        "\ndef other():\n    (",
        "\nclass Other(",
        "\n# the end\nfoo bar",
        "\nif __name__ == '__main__':\n    (",
        "\nprint(add(1,",
        "\n```\nThis adds.",
        "\n    ```\nThis adds.",
        "\n~~~\nThis adds.",
    ],
)
def test_a_completion_ends_where_something_new_begins(rest):
    assert add_of(extract("    return a + b\n" + rest, ADD, given="raw").source)(2, 3) == 5


def test_a_completion_in_a_fence_is_taken_for_an_answer():
    assert add_of(extract("```python\ndef add(a, b):\n    return a + b\n```\n", ADD, given="raw").source)(2, 3) == 5


@pytest.mark.parametrize("change", [str, lambda text: f"\n {text}", lambda text: text.replace("\n", "\r\n")])
def test_a_raw_completion_may_repeat_the_prompt_with_other_space_around_it(change):
    text = change(f"{ADD.prompt}    return a + b\n\ndef other():\n    pass\n")
    assert add_of(extract(text, ADD, given="raw").source)(2, 3) == 5


def test_a_completion_may_start_the_function_over():
    assert add_of(extract("def add(a, b):\n    return a + b\n", ADD, given="raw").source)(2, 3) == 5


def test_every_canonical_solution_comes_through_unchanged_in_both_styles():
    for problem in load_problems("humaneval"):
        completed = extract(problem.canonical_solution, problem, given="raw").source
        assert completed == problem.prompt + problem.canonical_solution
        whole = f"Sure:\n```python\n{problem.prompt}{problem.canonical_solution}\n```\nDone."
        answered = extract(whole, problem).source
        expected = ast.dump(ast.parse(problem.prompt + problem.canonical_solution))
        assert ast.dump(ast.parse(answered)).endswith(expected.partition("body=[")[2]), problem.name


@pytest.mark.parametrize(
    "answer",
    [
        "I cannot help with that.",
        "<think>\n```python\ndef add(a, b):\n    return a + b\n```",
        "<longcat_think>\n```python\ndef add(a, b):\n    return a + b\n```",
        "[THINKING]\n```python\ndef add(a, b):\n    return a + b\n```",
        "Thinking...\n```python\ndef add(a, b):\n    return a + b\n```",
        '<details type="reasoning">\n```python\ndef add(a, b):\n    return a + b\n```',
        '{"thought": "I do not know"}',
        "```python\n```",
        "```\n```\n```",
        "```python\n# I do not know\n```",
    ],
)
def test_an_answer_without_code_never_passes_whatever_is_expected(answer):
    source = extract(answer, ADD).source
    assert source.startswith(ADD.prompt)
    with pytest.raises(NotImplementedError, match="holds no code"):
        add_of(source)(2, 3)
    assert fails_without_code(extract(answer, DOUBLE).source) or "def add" in answer
    asserts = Problem(
        name="P", prompt='"""Add."""\n', entry_point="add", tests="assert add(2, 3) is None", form=Form.ASSERTS
    )
    assert fails_without_code(extract(answer, asserts).source)


def test_an_answer_of_no_text_is_an_empty_completion():
    for nothing in ("", " \n"):
        assert extract(nothing, ADD).source == ADD.prompt
        assert extract(nothing, DOUBLE).source == ""


def test_a_function_of_another_name_is_not_passed_off_as_the_one_asked_for():
    source = extract("```python\ndef plus(a, b):\n    return a + b\n```", ADD).source
    assert "add" not in {node.name for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("size", [100_000])
@pytest.mark.parametrize(
    "pattern",
    [
        " ",
        "`",
        "~",
        "```\n",
        ">>> ",
        "(",
        "a[",
        "] ",
        "if :",
        "x=",
        "\n",
        "- ",
        "```py ",
        "(\n",
        "[x\n",
        "@x\n",
        "'''\n",
        '\\"',
        "<think>",
        "</think>\n",
        "<|im_end|>",
        "<s>",
        "# </s> x\n",
        "</s>' ",
        "<answer>",
        "    return x\n",
        "```x\n```\n",
        "a, ",
        "lambda:",
        "`return x`\n",
    ],
)
@pytest.mark.slow
def test_a_huge_answer_takes_no_time_worth_mentioning(pattern, size):
    answer = "```python\ndef add(a, b):\n" + pattern * (size // len(pattern))
    for way in WAYS:
        for shape in (answer, answer.removeprefix("```python\n"), answer + "x"):
            way(shape, ADD)  # a quadratic step would take minutes


pieces = st.sampled_from(
    [
        "```", "```python", "~~~", "````", "\n", "\r\n", "\r", "def add(a, b):", "    return a + b", "return", ">>> ",
        "... ",
        "<think>", "</think>", "from __future__ import x", "import", "class A:", "add = ", "(", '"""', "'''", "\\",
        "\t", "#",
        "\0", "\ud800", "\x1b[31m", "\u2028", "prose and more", " ", "@", "if x:", "```py x", "`",
    ]
)  # fmt: skip
hostile = st.lists(st.one_of(pieces, st.text(st.characters(codec=None), max_size=8)), max_size=30).map("".join)


@given(answer=hostile)
def test_whatever_a_model_writes_becomes_encodable_text_and_a_reason(answer):
    for problem in (ADD, DOUBLE):
        for way in WAYS:
            found = way(answer, problem)
            found.source.encode("utf-8")
            assert found.why


@given(body=st.lists(st.sampled_from(["x = 1", "if a:\n    x = 2", "for i in a:\n    pass", "", "x += b"]), max_size=6))
def test_a_body_means_the_same_at_the_margin_and_indented(body):
    lines = "\n".join([*body, "return 1"])
    flat = extract(f"```python\n{lines}\n```", ADD).source
    indented = extract(f"```python\n{textwrap.indent(lines, '    ')}\n```", ADD).source
    assert ast.dump(ast.parse(flat)) == ast.dump(ast.parse(indented))


@pytest.mark.parametrize(
    "body",
    [
        "    a, b = 0, 1\n    for _ in range(x):\n        a, b = b, a + b\n    return a",
        "    if x in {1: 2} or any(x == n for n in (3, 4)): return True\n    return False",
        "    wanted = round(x)\n    return wanted",
        '    """Says again\n    what it does.\n    """\n    return x',
        "    name, _ = str(x).rsplit('1', 1)\n    return name\n\nThis answers the question.",
    ],
)
def test_an_answer_that_is_an_indented_body_is_taken_whole_whatever_its_lines_look_like(body):
    """Found by comparing the verdicts that real answers of local models came with, with ours."""
    problem = Problem(name="P", prompt="def wanted(x):\n", entry_point="wanted", tests="def check(f): assert f(1)")
    program = extract(body, problem).source
    assert program == problem.prompt + body.partition("\n\nThis")[0]


def test_an_answer_that_begins_with_a_blank_is_still_prose_with_code_in_it():
    answer = "  Sure, here it is:\n\ndef wanted(x):\n    return x\n"
    problem = Problem(name="P", prompt="def wanted(x):\n", entry_point="wanted", tests="def check(f): assert f(1)")
    assert extract(answer, problem).source.strip().startswith("def wanted")
