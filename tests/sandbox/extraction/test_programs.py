"""Answers to questions for a whole program: which of an answer's texts is the program."""

from __future__ import annotations

import contextlib
import io

import pytest

from sandbox.extraction import extract
from sandbox.problems import read_problem

DOUBLE = read_problem(
    {"task_id": "double", "prompt": "Read a number, print its double.", "tests": [{"stdin": "21\n", "stdout": "42\n"}]}
)
RIGHT, WRONG = "n = int(input())\nprint(n * 2)", "n = int(input())\nprint(n * 3)"
MAIN = "import sys\n\ndef main():\n    n = int(sys.stdin.readline())\n    print(n * 2)\n\nmain()"


def py(code: str, tag: str = "python") -> str:
    return f"```{tag}\n{code}\n```\n"


ANSWERS = {
    "a fenced script": py(RIGHT),
    "a script without a fence": RIGHT,
    "an untagged script beside its sample run": py(RIGHT, "") + "Input:\n" + py("21", "") + "Output:\n" + py("42", ""),
    "a script before a longer run": py(RIGHT) + py("Input:\n21\nOutput:\n42\n" + "and so on\n" * 9, ""),
    "a longer plan before it": py("1. read\n2. double\n3. print\n" * 3, "") + py(RIGHT),
    "a wrong version before it": py(WRONG) + "That triples. Corrected:\n" + py(RIGHT),
    "a guess before it": py("print(4)") + "Better:\n" + py(RIGHT),
    "tests behind it": py(RIGHT) + py("import subprocess\n\ndef test():\n    assert subprocess.run(['x'])\n\ntest()"),
    "a played input behind it": py(MAIN) + py("import io, sys\nsys.stdin = io.StringIO('1')\nprint(sys.stdin.read())"),
    "a line of it behind it": py(RIGHT) + "The line\n" + py("n = int(input())") + "reads.",
    "its parts before it": py("n = int(input())") + py("print(n * 3)") + "Together:\n" + py(RIGHT),
    "its parts alone": "Read:\n" + py("n = int(input())") + "Print:\n" + py("print(n * 2)"),
    "a function and a script": py("def double(n):\n    return n * 2") + py("print(double(int(input())))"),
    "a function, and its call behind": py("def main():\n    n = int(input())\n    print(n * 2)")
    + "Call it:\n"
    + py("main()"),
    "an import in a block of its own": py("import sys") + py("print(2 * int(sys.stdin.read()))"),
    "another language beside it": py("int main() {}", "cpp") + py(RIGHT) + py("echo 21 | python main.py", "bash"),
    "what it prints, tagged as Python": py(RIGHT) + py("42"),
    "an example of its function": py("def f(n):\n    return n * 2\n\nprint(f(int(input())))")
    + py("print(f(21))  # 42"),
    "Python 2 beside it": py(RIGHT) + "In Python 2:\n" + py("n = int(raw_input())\nprint n * 2"),
    "a fence never closed": "```python\n" + RIGHT,
    "a fence never closed, prose behind it": "```python\n" + RIGHT + "\n\nThis **doubles** it:\n- a\n",
    "a fence that the prompt opened": RIGHT + "\n```\nThat is all.",
    "an unfinished version behind it": py(RIGHT) + "Better:\n```python\nn = int(inp",
    "prose around it": "Here is my program:\n\n" + RIGHT + "\n\nIt doubles.",
    "two versions without a fence": "First:\n\n" + WRONG + "\n\nNo, rather:\n\n" + RIGHT + "\n",
    "a literal with a fence": py('"""\n```\n21\n```\n"""\n' + RIGHT),
    "a console session": py(">>> n = int(input())\n>>> print(n * 2)", "pycon"),
    "an odd first line": "*n, = map(int, input().split())\nprint(n[0] * 2)",
    "one line each": "n = int(input())\nif n: print(n * 2)\nelse: print(0)",
    "a match": "n = int(input())\nmatch n:\n    case _:\n        print(n * 2)",
    "a list over lines": "a = [\n1,\n2,\n]\nprint(int(input()) * a[1])",
    ("comments at the margin, prose around"): (
        "So:\n\nn = int(input())\n# double it\nm = n * 2\n# print it\nprint(m)\n\nDone."
    ),
    "parts with prose between them": "Read:\n\na = []\na.append(int(input()))\n\nThen print it:\n\nprint(a[0] * 2)\n",
    "an input that it may take from a file": "```python\nprint(1)\n```\nNo:\n"
    + py("import sys\nif 0:\n    sys.stdin = open('x')\n" + RIGHT),
    "a function of it corrected": py("def main():\n    n = int(input())\n    print(n * 3)\n\nmain()")
    + "Corrected:\n"
    + py("def main():\n    n = int(input())\n    print(n * 2)"),
    "a helper of it corrected": py("def f(n):\n    return n * 3\n\nprint(f(int(input())))")
    + py("def f(n):\n    return n * 2"),
    "a part of another version behind it": py(RIGHT) + py("n = int(input())\n# ... checks\nprint(n)"),
    "a function with gaps behind it": py(MAIN) + py("def main():\n    ...\n    print(1)\n    ..."),
    "a diff behind it": py(RIGHT) + py("-print(n * 3)\n+print(n * 2)", "diff"),
    "a tag of something else": py(RIGHT, "text"),
    "files of a project": "# utils.py\n"
    + py("def double(n):\n    return n * 2")
    + "# main.py\n"
    + py("from utils import double\n\nprint(double(int(input())))"),
    "a line in single backticks": "`print(int(input()) * 2)`",
    "an indented block of Markdown": "So:\n\n    n = int(input())\n    if n:\n        print(n * 2)\n\nThat is all.",
    "a list in a list": "1. It:\n\n   - here\n\n     ```python\n     n = int(input())\n     print(n * 2)\n     ```\n",
    "a list of stars before it": "* read\n* print\n\n" + RIGHT,
    "HTML": "<pre><code class='language-python'>n = int(input())\nif n &gt; 0:\n    print(n * 2)\n</code></pre>",
    "a next question, answered": RIGHT + "\n\n### Instruction:\nTriple it.\n\n### Response:\n" + WRONG,
    "a next question of a human": py(RIGHT) + "\nHuman: And triple?\n\nAssistant: " + py(WRONG),
    "a special token behind it": RIGHT + "<|im_end|>",
    "reasoning with a draft before it": "<think>" + py(WRONG) + "</think>\n" + RIGHT,
}


def printed(source: str) -> str:
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO("21\n"))
        exec(compile(source, "answer", "exec"), {"__name__": "__main__"})
    return out.getvalue()


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_the_program_is_found_in(answer):
    found = extract(answer, DOUBLE)
    assert printed(found.source).split() == ["42"], found.why


def test_what_is_called_corrected_counts_even_where_it_is_wrong():
    assert printed(extract(py(RIGHT) + "Corrected:\n" + py(WRONG), DOUBLE).source) == "63\n"


@pytest.mark.parametrize(
    "answer", ["Multiply by two.", "Sure", py("int main() {}", "cpp"), py("# no idea"), "<think>" + py(RIGHT)]
)
def test_without_a_program_none_is_made_up(answer):
    with pytest.raises(NotImplementedError, match="holds no code"):
        printed(extract(answer, DOUBLE).source)


def test_a_script_that_returns_at_the_margin_is_executed_as_it_is():
    assert extract(RIGHT + "\n# end\nreturn\n", DOUBLE).source == RIGHT + "\n# end\nreturn"


@pytest.mark.parametrize("answer", ["n = int(input()\nprint(n * 2)", "Code:\n\nn = int(input()\nprint(n * 2)\n\nDone."])
def test_a_script_that_is_broken_stays_so(answer):
    with pytest.raises(SyntaxError):
        compile(extract(answer, DOUBLE).source, "answer", "exec")


@pytest.mark.parametrize("given", ["completion", "raw"])
def test_a_completion_of_a_question_stands_alone(given):
    assert printed(extract(RIGHT, DOUBLE, given=given).source) == "42\n"
    assert printed(extract("if True:\n    print(int(input()) * 2)\nprint()", DOUBLE, given=given).source) == "42\n\n"
