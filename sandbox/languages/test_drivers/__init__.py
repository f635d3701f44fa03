"""Drivers: the programs that call a function of another language than Python, and write what it answers.

Benchmarks in many languages (MultiPL-E, HumanEval-X) test a function by code of its own language. Where this code is
assertions that compare a call with an expression, as all of MultiPL-E's is, calls and what is expected of them are told
apart (`cut`):

* The candidate's program gets the calls alone (`Driver.answering`). It writes each answer as text, in a form in which
  equal values have equal texts.
* Another program, which no candidate's code is part of, writes what is expected in the same form (`Driver.expecting`).
  It is compiled and run once for a problem, in boxes that never hold a candidate's code.

The host compares the texts. So an early exit leaves answers out, and a program that writes answers of its own has to
know them. Where a language compares values of different types (C++: the answer's type decides), the expectation is
first converted as the tests would do it.

Where tests are other code, or answers have a type that cannot be written, tests run beside the program
(`Driver.testing`). Then a token proves that they came to their end: the program reads it from its standard input and
writes it last. A program that was written against the driver can read it, too; hence the flag `in_process`.

The files of `support` are what the drivers put beside programs. They are text here, and no code of this package.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.languages.test_drivers.compiled import (
    CppDriver,
    CSharpDriver,
    GoDriver,
    JavaDriver,
    OCamlDriver,
    RustDriver,
)
from sandbox.languages.test_drivers.driver import Driver, FunctionCalls, function_of, preamble
from sandbox.languages.test_drivers.scripts import (
    BashDriver,
    JavaScriptDriver,
    LuaDriver,
    PerlDriver,
    PhpDriver,
    RDriver,
    RubyDriver,
)

DRIVERS: Mapping[str, Driver] = {
    "cpp": CppDriver(),
    "java": JavaDriver(),
    "javascript": JavaScriptDriver(),
    "typescript": JavaScriptDriver(),
    "go": GoDriver(),
    "rust": RustDriver(),
    "bash": BashDriver(),
    "csharp": CSharpDriver(),
    "lua": LuaDriver(),
    "ocaml": OCamlDriver(),
    "perl": PerlDriver(),
    "php": PhpDriver(),
    "r": RDriver(),
    "ruby": RubyDriver(),
}

__all__ = ["DRIVERS", "Driver", "FunctionCalls", "function_of", "preamble"]
