"""Answers in other languages than Python: which block is the code, and what the prompt adds to it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from language_functions import examples

from sandbox.extraction import extract
from sandbox.extraction.other_languages import NO_CODE, defines
from sandbox.problems import Problem
from sandbox.values import StdinTest, StdinTests

EXAMPLES = examples()


@pytest.mark.parametrize("language", sorted(EXAMPLES))
def test_a_whole_function_in_a_block_is_found_beside_a_block_that_calls_it(language: str) -> None:
    example = EXAMPLES[language]
    source = example.problem.continued(example.right)
    answer = f"Here it is.\n\n```{language}\n{source}\n```\n\nIt prints this:\n\n```text\n[1, 3]\n```\n"
    found = extract(answer, example.problem)
    assert found.source.split() == source.split()
    assert "the last block that defines lengths" in found.why


@pytest.mark.parametrize("language", ["cpp", "go", "java", "php", "rust"])
def test_what_the_prompt_has_before_the_function_is_put_before_a_function_alone(language: str) -> None:
    example = EXAMPLES[language]
    source = example.problem.continued(example.right)
    begun = example.problem.prompt.rstrip().rpartition("\n")[2]
    alone = source[source.index(begun) :].rstrip()
    alone = alone.removesuffix("}").rstrip() if language == "java" else alone
    made = extract(f"```\n{alone}\n```", example.problem).source
    if example.problem.preamble:
        assert made.strip().splitlines()[0] == example.problem.preamble.strip().splitlines()[0]
    assert made.count("{") == made.count("}")
    assert begun in made


@pytest.mark.parametrize("language", ["cpp", "javascript", "go"])
def test_a_body_alone_continues_the_prompt(language: str) -> None:
    example = EXAMPLES[language]
    made = extract(f"```{language}\n{example.right}```", example.problem).source
    assert made.split() == example.problem.continued(example.right).split()


def test_a_completion_ends_where_the_set_says() -> None:
    example = EXAMPLES["cpp"]
    goes_on = f"{example.right}}}\n\nint main() {{ return 0; }}\n"
    found = extract(goes_on, example.problem, given="raw").source
    assert found == example.problem.continued(example.right.removesuffix("\n"))
    assert "main" not in found


def test_a_whole_program_of_another_language_is_the_last_closed_block() -> None:
    problem = Problem.from_row(
        {"task_id": "sum", "prompt": "Add.", "tests": [{"stdin": "1 2\n", "stdout": "3\n"}]}
    ).in_language("cpp")
    assert isinstance(problem.given, StdinTests)
    assert isinstance(problem.given.cases[0], StdinTest)
    answer = "First:\n```cpp\nint main() { return 1; }\n```\nBetter:\n```cpp\nint main() {}\n```\n"
    program = problem.solve(extract(answer, problem).source)
    assert (program.source.strip(), program.language) == ("int main() {}", "cpp")


def test_an_answer_without_code_is_no_program() -> None:
    assert extract("", EXAMPLES["rust"].problem).source == EXAMPLES["rust"].problem.continued("")
    assert extract("<think>what if", EXAMPLES["rust"].problem).source == NO_CODE


ADD = "#include <iostream>\nint main() {\n    int a, b;\n    std::cin >> a >> b;\n    std::cout << a + b;\n}"
FENCED = f"```cpp\n{ADD}\n```"
PROGRAM = Problem.from_row({"task_id": "sum", "prompt": "Add.", "tests": [{"stdin": "1 2\n", "stdout": "3\n"}]})
DRAFT = ADD.replace("a + b", "a")
IN_HTML = ADD.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
ANSWERS = {
    "a sample run without a tag": f"{FENCED}\nIt prints:\n```\n3\n```",
    "a command without a tag": f"{FENCED}\nCompile it:\n```\ng++ -O2 main.cpp\n```",
    "its central line behind it": f"{FENCED}\nThe key is:\n```cpp\nstd::cin >> a >> b;\n```",
    "an abridged version behind it": f"{FENCED}\nFaster:\n```cpp\nint main() {{\n    fast();\n    // ...\n}}\n```",
    "a fence behind prose": f"Here it is: {FENCED}\nDone.",
    "a fence that the prompt opened": f"{ADD}\n```\nThis adds two numbers.",
    "a fence that the prompt opened, a block behind": f"{ADD}\n```\nIt prints:\n```\n3\n```",
    "<answer>": f"```cpp\n{DRAFT}\n```\n<answer>\n{FENCED}\n</answer>\nand not\n```cpp\n{DRAFT}\n```",
    "<answer> without a fence": f"<answer>\n{ADD}\n</answer>",
    "[CODE]": f"[CODE]\n{ADD}\n[/CODE]",
    "<code>": f"<code>\n{ADD}\n</code>",
    "HTML": f'<p>Here:</p><pre><code class="language-cpp">{IN_HTML}\n</code></pre>',
    "entities in a fence": f"```cpp\n{IN_HTML}\n```",
    "prose around": f"This program adds them. It is short.\n\n{ADD}\n\nIt reads two numbers and prints one.\n",
    "JSON": json.dumps({"code": ADD}),
    "a block of JSON": f"```json\n{json.dumps({'code': ADD})}\n```",
    "an object in prose": f"I submit:\n{json.dumps({'code': ADD})}\n",
    "a quotation": "> " + FENCED.replace("\n", "\n> "),
    "a block of Markdown": f"````markdown\n# Answer\n{FENCED}\n````",
    "a version in the tag": f"```python\nprint(3)\n```\nC++:\n```c++17\n{ADD}\n```\nOutput:\n```\n3\n```",
    "a patch": f"```cpp\n{DRAFT}\n```\n```diff\n-    std::cout << a;\n+    std::cout << a + b;\n```",
    "a command that writes the file": f"```bash\ncat > main.cpp <<'EOF'\n{ADD}\nEOF\ng++ main.cpp\n```",
}


PARTS = [
    "#include <iostream>\nusing namespace std;",
    "// Adds.\nint sum_of(int a, int b) {\n    return a + b;\n}",
    "int unused(int a) {\n    return a;\n}",
    "int main() {\n    int a, b;\n    cin >> a >> b;\n    cout << sum_of(a, b);\n}",
]


def test_a_program_in_parts_is_joined() -> None:
    answer = "\n".join(f"Then:\n```cpp\n{part}\n```" for part in PARTS)
    made = extract(answer, PROGRAM.in_language("cpp")).source
    assert made.split() == "\n".join([PARTS[0], PARTS[1], PARTS[3]]).split()


@pytest.mark.parametrize("language", ["cpp", "javascript", "rust"])
def test_a_helper_of_a_function_comes_from_another_block(language: str) -> None:
    example = EXAMPLES[language]
    text = example.problem.continued(example.right)
    helper = {
        "cpp": "long longest(long a, long b) {\n    return a > b ? a : b;\n}",
        "javascript": "const longest = (a, b) => Math.max(a, b);",
        "rust": "fn longest(a: usize, b: usize) -> usize {\n    a.max(b)\n}",
    }[language]
    uses = text.rstrip().removesuffix("}") + "    longest(1, 2);\n}"
    answer = f"```{language}\n{helper}\n```\nand\n```{language}\n{uses}\n```\n"
    made = extract(answer, example.problem).source
    assert helper in made
    assert made.index(helper) < made.index("longest(1, 2)")
    assert helper not in extract(answer.replace("longest(1, 2)", "shortest(1, 2)"), example.problem).source


@pytest.mark.parametrize("style", ANSWERS)
def test_a_whole_program_is_found_among_what_models_write_around_it(style: str) -> None:
    assert extract(ANSWERS[style], PROGRAM.in_language("cpp")).source.split() == ADD.split()


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("java", "import java.util.*;\npublic class Main { public static void main(String[] x) {} }"),
        ("javascript", "const [a, b] = require('fs').readFileSync(0, 'utf8').split(' ');\nconsole.log(+a + +b);"),
        ("go", 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println(3) }'),
        ("rust", 'fn main() { println!("{}", 3); }'),
        ("ruby", "puts gets.split.sum(&:to_i)"),
        ("perl", "print eval join '+', split ' ', <STDIN>;"),
        ("lua", "print(io.read('n') + io.read('n'))"),
        ("php", "<?php echo array_sum(explode(' ', fgets(STDIN)));"),
        ("bash", "read a b; echo $((a + b))"),
        ("r", "cat(sum(scan('stdin')))"),
        ("ocaml", 'let () = Scanf.scanf " %d %d" (fun a b -> Printf.printf "%d" (a + b))'),
        ("csharp", "class P { static void Main() { System.Console.Write(3); } }"),
    ],
)
@pytest.mark.parametrize("tag", [True, False])
def test_output_behind_a_program_is_not_taken_for_it(language: str, code: str, tag: bool) -> None:
    answer = f"Here:\n```{language if tag else ''}\n{code}\n```\nFor 1 and 2 it prints:\n```\n3\n```\n"
    assert extract(answer, PROGRAM.in_language(language)).source.strip() == code


def test_an_answer_of_prose_alone_holds_no_code() -> None:
    assert extract("I am sorry, but I cannot do that.", PROGRAM.in_language("javascript")).source == NO_CODE


@pytest.mark.parametrize(
    "name", ["S", "s", "Pad", "mid", "Eos", "EOT", "filename", "file_sep", "Think", "Answer", "Solution"]
)
@pytest.mark.parametrize(
    "around", ["```cpp\n{}\n```", "{}\n", "<think>x</think>\n```cpp\n{}\n```<|im_end|>", "{}\n<eos>"]
)
def test_a_type_in_angle_brackets_is_no_special_token(name: str, around: str) -> None:
    code = f"#include <vector>\nstruct {name} {{ int a; }};\nint main() {{\n    std::vector<{name}> all(2);\n}}"
    assert extract(around.format(code), PROGRAM.in_language("cpp")).source.split() == code.split()


@pytest.mark.parametrize(
    ("language", "code"),
    [
        ("rust", "fn main() {\n    let all: Vec<S> = Vec::new();\n}"),
        (
            "java",
            "class Main {\n    static <S> S id(S one) { return one; }\n    public static void main(String[] a) {}\n}",
        ),
        ("typescript", "function id<S>(one: S): S { return one; }\nconsole.log(id<S>(1));"),
        ("javascript", "const html = `<pre>\n<code>\nx\n</code>\n</pre>`;\nconsole.log(html);"),
        ("cpp", "#define INST 1\nint all[2];\nint main() { return all[INST]; }"),
    ],
)
def test_code_that_looks_like_marks_stays(language: str, code: str) -> None:
    for answer in (f"```{language}\n{code}\n```", code):
        assert extract(answer, PROGRAM.in_language(language)).source.strip() == code


DEFINITIONS = {
    "cpp": [
        "int f(int a) { return a; }",
        "// f(3) is 4\nint f(int a) {",
        "template <class T>\nT f(T a)\n{",
        "int f(\n    int a) {",
    ],
    "go": ["func f[T any](a T) T {", "// f(3) is 4\nfunc f(a int) int { return a }"],
    "rust": ["pub fn f<'a>(a: &'a str) -> &'a str {"],
    "typescript": ["const f: (a: number) => number = (a) => a", "export const f = <T,>(a: T) => a"],
    "ruby": ["def f a", "def self.f(a)"],
    "lua": ["function M.f(a)", "local f = function(a)"],
    "bash": ["function f {", "f()\n{"],
    "ocaml": ["let rec f (a : int) : int =", "let g a = f a\nand f a = a"],
}
CALLS = {
    "cpp": ["while (x && f(3)) {", "if (!f(3)) { return; }", "for (auto z : f(3)) {", "// int f(3) {", "int x = f(3);"],
    "go": ["return f(3)", "if f(3) {", "fmt.Println(f(3))"],
    "rust": ["if f(3) {"],
    "ruby": ["puts f(3)", "return f(3) if x"],
    "lua": ["if f == g then print(f(3)) end"],
    "perl": ["print f(3)"],
}


def test_definitions_and_calls_of_a_function_are_told_apart() -> None:
    rows = [(language, code, True) for language, codes in DEFINITIONS.items() for code in codes]
    rows += [(language, code, False) for language, codes in CALLS.items() for code in codes]
    found = [defines(code, replace(EXAMPLES[language].problem, entry_point="f")) for language, code, _ in rows]
    assert [row for row, one in zip(rows, found, strict=True) if one is not row[2]] == []


def test_a_block_that_calls_the_function_behind_it_is_not_taken_for_it() -> None:
    example = EXAMPLES["ruby"]
    source = example.problem.continued(example.right)
    answer = f"```ruby\n{source}\n```\nUse it:\n```ruby\nputs lengths(['a'])\n```\n"
    assert extract(answer, example.problem).source.split() == source.split()
