"""Attacks in other languages than Python: on the boxes that run their programs, and on their compilers.

`tests/escapes/languages` has a program of many attacks for each language; standard input names one of them.
It prints "through" where an attack got what it wanted, so it passes only then. `compilers.toml` has the programs that
attack a compiler. No attack may pass, and after each an honest program must.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sandbox.diagnostics.selftest import SuiteError, escapes_directory
from sandbox.values import Limits, Program, Score, StdinTest, StdinTests, Verdict

FILES = {
    "bash": "attacks.sh",
    "cpp": "attacks.cpp",
    "go": "attacks.go",
    "java": "attacks.java",
    "javascript": "attacks.js",
    "lua": "attacks.lua",
    "perl": "attacks.pl",
    "php": "attacks.php",
    "r": "attacks.r",
    "ruby": "attacks.rb",
    "rust": "attacks.rs",
}
LIMITS = Limits(cpu_s=1, wall_s=3, memory_mb=256)
THROUGH = b"through\n"
HONEST = {  # by the language of an attack: what must pass after it, in the same boxes
    "bash": "echo through",
    "cpp": 'int main() { __builtin_puts("through"); }',
    "go": 'package main\nimport "fmt"\nfunc main() { fmt.Println("through") }',
    "java": 'class Main { public static void main(String[] a) { System.out.println("through"); } }',
    "javascript": 'console.log("through")',
    "lua": 'print("through")',
    "perl": 'print "through\\n";',
    "php": '<?php echo "through\\n";',
    "r": 'cat("through\\n")',
    "ruby": 'puts "through"',
    "rust": 'fn main() { println!("through"); }',
    "typescript": 'const text: string = "through"; console.log(text)',
}
_FAILED = frozenset(Verdict) - {Verdict.PASSED}
_NAME = re.compile(r'"([A-Z] [a-z][^"]+)"')


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageAttack:
    """One attack; `verdicts` are those that it may get."""

    name: str
    program: Program
    verdicts: frozenset[Verdict]

    def failure(self, score: Score, after: Score) -> str:
        """Return what did not hold; `after` is the score of the honest program. Empty if all held."""
        if score.verdict not in self.verdicts:
            return f"{self.name}: {score.verdict} {score.run.stdout[:100]!r} {score.run.stderr[-200:]!r}"
        if after.verdict is not Verdict.PASSED:
            return f"after {self.name}: the honest program got {after.verdict} {after.run.stderr[-200:]!r}"
        return ""


def read_attacks(language: str) -> list[LanguageAttack]:
    """Return the attacks of a language, in their order; raises SuiteError if there are none."""
    directory = escapes_directory() / "languages"
    found = [*_runtime_attacks(directory, language), *_compiler_attacks(directory, language)]
    if not found:
        raise SuiteError(f"there are no attacks in {language}; there are some in {', '.join(HONEST)}")
    return found


def _runtime_attacks(directory: Path, language: str) -> Iterator[LanguageAttack]:
    if language not in FILES:
        return
    source = (directory / FILES[language]).read_text(encoding="utf-8")
    for name in dict.fromkeys(_NAME.findall(source)):
        yield LanguageAttack(name=name, program=_program(language, source, name), verdicts=_FAILED - {Verdict.SYNTAX})


def _compiler_attacks(directory: Path, language: str) -> Iterator[LanguageAttack]:
    tables = tomllib.loads((directory / "compilers.toml").read_text(encoding="utf-8"))
    for name, attack in tables.get(language, {}).items():
        verdicts = frozenset(map(Verdict, attack.get("verdicts", _FAILED)))
        yield LanguageAttack(name=name, program=_program(language, attack["source"]), verdicts=verdicts)


def _program(language: str, source: str, stdin: str = "") -> Program:
    tests = StdinTests(cases=(StdinTest(stdin=f"{stdin}\n".encode(), expected=THROUGH),))
    return Program(source=source, tests=tests, language=language)


def try_attacks(score: Callable[[Program], Score], language: str) -> Iterator[tuple[LanguageAttack, Score, Score]]:
    """Try every attack of a language; yields it with its score and that of the honest program after it.

    `score` should use one box, so that both run in the same.
    """
    honest = _program(language, HONEST[language])
    for attack in read_attacks(language):
        yield attack, score(attack.program), score(honest)
