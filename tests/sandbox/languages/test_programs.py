"""Programs of every language in their boxes: right ones pass, wrong ones fail, and each limit is told apart.

C++ and JavaScript are built for these tests; another language is tried where its images are there (`make
test-languages` builds all of them).
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from language_programs import cases_of, programs, require

from sandbox.boxes.docker_client import DockerClient
from sandbox.languages import languages
from sandbox.scoring.scorer import Scorer, open_scorer
from sandbox.values import Limits, Program, Stage, StdinTest, StdinTests, Verdict, Workspace

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def limited(engine: DockerClient) -> Iterator[Scorer]:
    assert engine.answers()
    with open_scorer(Limits(cpu_s=4, wall_s=20, memory_mb=256), boxes=1) as opened:
        yield opened


@pytest.mark.parametrize("language", [language.name for language in languages()])
def test_right_programs_pass_and_wrong_ones_fail(language: str, engine: DockerClient, scorer: Scorer) -> None:
    require(language, engine)
    tried = programs(language)
    asked = [
        (task, Program(source=text, tests=cases_of(task), language=language)) for task, *two in tried for text in two
    ]
    scores = [(task, future.result()) for task, future in [(task, scorer.submit(program)) for task, program in asked]]
    expected = [(task, verdict) for task, *_ in tried for verdict in (Verdict.PASSED, Verdict.WRONG)]
    told = {f"{task} {score.verdict}: {score.run.stderr[-300:]!r}" for task, score in scores}
    assert [(task, score.verdict) for task, score in scores] == expected, told


BROKEN = {
    "cpp": "int main() { return x; }",
    "c": "int main(void) { return x; }",
    "java": "class Main { int f() { return x; } }",
    "javascript": "let let = ;",
    "typescript": "let x: = 3;",
    "go": "package main\nfunc main() { x }",
    "rust": "fn main() { x }",
    "bash": "if then",
    "csharp": "class P { static void Main() { x; } }",
    "lua": "local = 3",
    "ocaml": "let x = y",
    "pascal": "begin x end.",
    "perl": "my $x = ;",
    "php": "<?php $x = ;",
    "ruby": "def",
}


@pytest.mark.parametrize("language", sorted(BROKEN))
def test_what_does_not_compile_is_a_syntax_error_with_its_first_message(
    language: str, engine: DockerClient, scorer: Scorer
) -> None:
    require(language, engine)
    score = scorer.score(Program(source=BROKEN[language], tests=cases_of("sum"), language=language))
    assert score.verdict is Verdict.SYNTAX or language == "r"
    assert language == "r" or (
        score.raised is not None and score.raised.stage is Stage.COMPILE and score.raised.message
    )
    assert score.compilation is None or score.compilation.run.stderr, "clients look there for the compiler's messages"


def test_a_header_beside_a_program_is_there_while_it_is_compiled(scorer: Scorer) -> None:
    source = '#include "parts/seven.h"\nint main() { __builtin_printf("%d", seven()); }'
    told = [
        scorer.score(
            Program(source=source, tests=cases_of("sum"), language="cpp", workspace=Workspace(files=tuple(files)))
        ).verdict
        for files in (
            [("parts/seven.h", b"int seven() { return 7; }"), ("main.cpp", b"not this")],
            [("parts/seven.h", b"int seven() { return 8; }")],
            [],
        )
    ]
    assert told == [Verdict.PASSED, Verdict.WRONG, Verdict.SYNTAX]


def test_r_has_its_usual_packages_and_leaves_no_files(engine: DockerClient, scorer: Scorer) -> None:
    require("r", engine)
    source = 'setClass("P", slots = c(x = "numeric")); cat(head(new("P", x = median(c(1, 7, 9)))@x), file = stdout())'
    score = scorer.score(Program(source=source, tests=cases_of("sum"), language="r"))
    assert (score.verdict, score.flags, score.run.stderr) == (Verdict.PASSED, frozenset(), b"")


def test_a_program_that_is_compiled_once_is_not_compiled_again(scorer: Scorer) -> None:
    program = Program(source='int main() { __builtin_printf("7"); }', tests=cases_of("sum"), language="cpp")
    first, again = scorer.score(program), scorer.score(program)
    assert first.verdict is again.verdict is Verdict.PASSED
    assert first.compilation is not None
    assert again.compilation is not None
    assert (first.compilation.cached, again.compilation.cached) == (False, True)
    assert first.compilation.run == again.compilation.run


SLOW = "constexpr long f(long n) { return n < 2 ? n : f(n - 1) + f(n - 2); } static_assert(f(45)); int main() {}"
ALL = "__VA_ARGS__ " * 8
LARGE = (
    f"#define A(...) {ALL}\n#define B(...) A(A(A(A(A(A(A(__VA_ARGS__)))))))\nint a[] = {{B(B(1,))}}; int main() {{}}"
)
EARLY = '#include <cstdlib>\nstruct A { A() { _Exit(0); } } a; int main() { __builtin_puts("7"); }'
LIMITS = {
    "endless": ("cpp", 'int main() { for (;;) asm(""); }', Verdict.TIMEOUT),
    "asleep": ("cpp", "#include <unistd.h>\nint main() { pause(); }", Verdict.TIMEOUT),
    "memory": ("cpp", "int main() { for (;;) __builtin_memset(new char[1 << 20], 1, 1 << 20); }", Verdict.MEMORY),
    "output": ("cpp", 'int main() { for (;;) __builtin_puts("xxxxxxxxxxxxxxxxxxxxxxxxxxxx"); }', Verdict.OUTPUT),
    "signal": ("cpp", "int main() { *(volatile int *)nullptr = 1; }", Verdict.CRASHED),
    "exit code": ("cpp", "int main() { return 3; }", Verdict.ERROR),
    "early exit": ("cpp", EARLY, Verdict.WRONG),
    "compiler's steps": ("cpp", SLOW, Verdict.SYNTAX),  # GCC counts them
    "compiler's memory": ("cpp", LARGE, Verdict.MEMORY),
    "script endless": ("javascript", "for (;;);", Verdict.TIMEOUT),
    "script memory": (
        "javascript",
        "const a = []; for (;;) a.push(new Array(1 << 16).fill(a.length));",
        Verdict.MEMORY,
    ),
    "script error": ("javascript", "throw new Error('no');", Verdict.ERROR),
    "script early exit": ("javascript", "process.exit(0); console.log(7);", Verdict.WRONG),
    "deep recursion": (
        "javascript",
        "const f = (n) => n && 1 + f(n - 1); console.log(f(1e5) - 99993);",
        Verdict.PASSED,
    ),
}


@pytest.mark.parametrize("name", list(LIMITS))
def test_each_limit_has_its_verdict_and_the_next_program_runs(name: str, limited: Scorer) -> None:
    language, source, verdict = LIMITS[name]
    tests = StdinTests(cases=(StdinTest(stdin=b"", expected=b"7"),))
    score = limited.score(Program(source=source, tests=tests, language=language))
    assert score.verdict is verdict, (score.run.stderr[-500:], score.raised)
    honest = Program(source='int main() { __builtin_printf("7"); }', tests=tests, language="cpp")
    assert limited.score(honest).verdict is Verdict.PASSED
