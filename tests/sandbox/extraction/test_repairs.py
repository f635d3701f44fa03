"""Code that did not come as it was written: entities, odd characters, JSON, patches, commands that write files."""

from __future__ import annotations

import contextlib
import io
import json
import time

import pytest

from sandbox.extraction import extract
from sandbox.problems import Problem

FUNCTION = Problem.from_row(
    {
        "task_id": "back",
        "prompt": 'def back(text):\n    """Return the text backwards."""\n',
        "entry_point": "back",
        "tests": [{"arguments": ["abc"], "expected": "cba"}],
    }
)
RIGHT = "def back(text):\n    if len(text) < 1:\n        return text\n    return text[::-1]\n"
WRONG = "def back(text):\n    return text\n"
PROGRAM = Problem.from_row({"task_id": "sum", "prompt": "Add.", "tests": [{"stdin": "1 2\n", "stdout": "3\n"}]})
CALL = json.dumps({"name": "submit", "arguments": {"code": RIGHT}})
CALL_AS_TEXT = json.dumps({"name": "submit", "arguments": json.dumps({"code": RIGHT})})
ANSWERS = {
    "entities": "```python\n" + RIGHT.replace("<", "&lt;") + "```",
    "entities that happen to be Python": "```python\ndef back(text):\n    return 0 &lt; 1 and text[::-1]\n```",
    "entities of quotes": "```python\ndef back(text):\n    return &#39;&#39;.join(reversed(text))\n```",
    "spaces that do not break": "```python\n" + RIGHT.replace(" ", "\u00a0") + "```",
    "characters without a width": "```python\n\u200b" + RIGHT + "\u200b\n```",
    "a separator of lines": "```python\n" + RIGHT.replace("\n", "\u2028") + "\n```",
    "underscores escaped": "```python\ndef back(text):\n    the\\_end = text[::-1]\n    return the\\_end\n```",
    "ends of lines escaped": "```python\n" + RIGHT.replace("\n", "\\n") + "\n```",
    "commands of a notebook": f"```python\n!pip install numpy\n%timeit back('a')\n{RIGHT}```",
    "a token that begins code": f"Sure!<|python_tag|>{RIGHT}<|eom_id|>",
    "a sentence in the block": f"```python\n{RIGHT}\nThis function returns the text backwards.\n```",
    "a quotation without spaces": "> Here:\n>\n>```python\n>" + RIGHT.strip().replace("\n", "\n>") + "\n>```",
    "quotes for a fence": f"Here:\n'''python\n{RIGHT}'''\nDone.",
    "a call": f"I submit it.\n<tool_call>\n{CALL}\n</tool_call>",
    "a call, arguments as a text": f"<tool_call>\n{CALL_AS_TEXT}\n</tool_call>",
    "an object in prose": "Here it is:\n" + json.dumps({"why": "slices", "final_code": RIGHT}) + "\nDone.",
    "a list of one object": json.dumps([{"code": RIGHT}]),
    "a list of lines": json.dumps({"code": RIGHT.split("\n")}),
    "files": json.dumps({"files": [{"path": "README.md", "content": "# Text"}, {"path": "back.py", "content": RIGHT}]}),
    "files by their names": json.dumps({"files": {"back.py": RIGHT, "test_back.py": "from back import back\n"}}),
    "an object of Python": repr({"code": RIGHT}),
    "a comma too many": json.dumps({"code": RIGHT})[:-1] + ",}",
    "a text of JSON": json.dumps(RIGHT),
    "the function's name as the field": json.dumps({"back": RIGHT}),
    "a new file as a patch": "```diff\n--- /dev/null\n+++ b/back.py\n@@ -0,0 +1,4 @@\n+"
    + RIGHT.strip().replace("\n", "\n+")
    + "\n```",
    "a patch of an earlier block": f"```python\n{WRONG}```\n```diff\n-    return text\n+    return text[::-1]\n```",
    "a patch with context": "```diff\n def back(text):\n-    return text\n+    return text[::-1]\n```",
    "search and replace": f"```python\n{WRONG}```\nFix:\n```python\n<<<<<<< SEARCH\n    return text\n=======\n"
    "    return text[::-1]\n>>>>>>> REPLACE\n```",
    "a command that writes the file": f"```bash\ncat > back.py <<'EOF'\n{RIGHT}EOF\npython3 back.py\n```",
}
STAYS = {
    "entities that the code is about": "def back(text):\n    return text[::-1].replace('&lt;', '<') if text else ''\n",
    "a name like a mark": "def back(text):\n    INST = inst = 0\n    return [text[::-1]][INST] or [1][inst]\n",
    "a patch in a literal": 'PATCH = """\n@@ -1 +1 @@\n-a\n+b\n"""\n\ndef back(text):\n    return text[::-1]\n',
    "odd characters in a literal": "ODD = '\u00a0\u200b'\n\ndef back(text):\n    return text[::-1]\n",
    "an object in a literal": 'TEXT = """\n{"code": "def back(text): return text"}\n"""\n\n' + RIGHT,
}


def passes(source: str) -> bool:
    namespace: dict[str, object] = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(compile(source, "answer", "exec"), namespace)
    back = namespace["back"]
    assert callable(back)
    return [back("abc"), back("")] == ["cba", ""]


@pytest.mark.parametrize("style", ANSWERS)
def test_code_is_found_however_it_came(style: str) -> None:
    assert passes(extract(ANSWERS[style], FUNCTION).source)


@pytest.mark.parametrize("style", STAYS)
def test_code_that_is_python_is_not_changed(style: str) -> None:
    assert extract(f"```python\n{STAYS[style]}```", FUNCTION).source.strip() == STAYS[style].strip()


@pytest.mark.parametrize(
    "answer",
    [
        f"```python\n{WRONG}```\n```diff\n-    return nothing\n+    return text[::-1]\n```",
        json.dumps({"code": WRONG, "alternative": RIGHT}),
        f"```bash\npython3 back.py <<EOF\n{RIGHT}EOF\n```\n```python\n{WRONG}```",
    ],
)
def test_a_wrong_answer_stays_wrong(answer: str) -> None:
    try:
        assert not passes(extract(answer, FUNCTION).source)
    except SyntaxError:
        return


def test_files_of_an_object_complete_each_other() -> None:
    files = {
        "tools.py": "def turned(text):\n    return text[::-1]\n",
        "back.py": "def back(text):\n    return turned(text)\n",
    }
    assert passes(extract(json.dumps({"files": files}), FUNCTION).source)


@pytest.mark.parametrize(
    "piece",
    [
        "```diff\n-a\n+b\n```\n",
        "```\n<<<<<<< SEARCH\na\n=======\nb\n>>>>>>> REPLACE\n```\n",
        "```bash\ncat > a.py <<'EOF'\n",
        '{"code": [\n',
        "The code is here and it goes on \n",
        "&lt;",
        "cat tee cat ",
        "\n> ```python\n> x = (\n",
    ],
)
def test_hostile_texts_take_linear_time(piece: str) -> None:
    begun = time.process_time()
    extract(piece * (100_000 // len(piece)), FUNCTION)
    extract(piece * (100_000 // len(piece)), PROGRAM.in_language("cpp"))
    assert time.process_time() - begun < 30  # a quadratic step would take hours
