"""Drivers of languages whose programs are run as they are written, and of TypeScript.

What the driver adds stands behind the program, so that the program's lines keep their numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from sandbox.languages.test_drivers.driver import Assertion, Driver, FunctionCalls, Pair, support, without_closing

_BOTH = "\"'"


class ScriptDriver(Driver):
    """A language whose calls are statements: what they need comes first, then one line for each call."""

    extension: str
    answer: str  # writes a value
    last: str  # writes that the end was reached
    alias = ""  # names the function as the tests call it
    before_tests = ""

    def answering(self, program: str, tested: FunctionCalls) -> str:
        """Make the program that answers the calls."""
        return self._whole(self.own(program), self.alias.format(tested.function), tested.calls)

    def expecting(self, tested: FunctionCalls) -> str:
        """Make the program that writes what is expected."""
        return self._whole(self.own(""), "", [expected for _, expected in tested.pairs])

    def testing(self, program: str, tests: str) -> str:
        """Make the program that runs the tests beside the function."""
        code = without_closing(tests) if self.closes else tests
        return f"{self.own(program)}\n{support(self.extension)}{self.before_tests}{code}\n{self.last}\n"

    def own(self, program: str) -> str:
        """Return the program as the driver follows it."""
        return program

    def _whole(self, program: str, first: str, values: Iterable[str]) -> str:
        lines = "".join(f"{self.answer.format(value)}\n" for value in values)
        return f"{program}\n{support(self.extension)}{first}\n{lines}{self.last}\n"


class JavaScriptDriver(ScriptDriver):
    """JavaScript: `null` and `undefined` are the same answer, as for the published tests; else types count."""

    assertion = Assertion(opening="assert.deepEqual(", between=",", quotes="\"'`")
    extension = "js"
    answer, last = "codebudget.answer({});", "codebudget.end();"
    alias = "const candidate = {};"
    before_tests = "console.assert = codebudget.assert;\n"


class PhpDriver(ScriptDriver):
    """PHP: answers are compared as `!==` does it."""

    assertion = Assertion(opening="if (", between=" !== ", quotes=_BOTH)
    extension = "php"
    answer, last = "Codebudget::answer({});", "Codebudget::line('end');"
    alias = "function candidate(...$args) {{ return {}(...$args); }}"

    def cut(self, tests: str) -> tuple[Pair, ...]:
        """Return each call with what is expected of it; the function that the tests define passes calls on."""
        return super().cut(tests.replace("function candidate(", "function ", 1))

    def own(self, program: str) -> str:
        """Return the program with the tag in its beginning, and none at its end."""
        text = re.sub(r"\?>\s*\Z", "", program)
        return text if text.lstrip().startswith("<?php") else f"<?php {text}"


class RubyDriver(ScriptDriver):
    """Ruby: a float that is a whole number equals it."""

    assertion = Assertion(opening="assert_equal(", between=", candidate.call(", expected_first=True, quotes=_BOTH)
    extension = "rb"
    answer, last = "Codebudget.answer({})", 'Codebudget.line("end")'
    alias = "candidate = method(:{})"


class LuaDriver(ScriptDriver):
    """Lua: tables are compared by their items, and a float that is a whole number equals it."""

    assertion = Assertion(opening="lu.assertEquals(", between=", ", quotes=_BOTH)
    extension = "lua"
    answer, last = "codebudget.answer({})", 'codebudget.line("end")'
    alias = "local candidate = {}"


class PerlDriver(ScriptDriver):
    """Perl: answers are compared as texts, as Test::Deep does it."""

    assertion = Assertion(opening="if(eq_deeply(", between=",", quotes=_BOTH)
    extension = "pl"
    answer, last = "Codebudget::answer(scalar({}));", 'Codebudget::line("end");'
    alias = "my $candidate = \\&{};"


class RDriver(ScriptDriver):
    """R: numbers are compared as `all.equal` does it, so nearly equal ones are the same answer, whatever their type."""

    assertion = Assertion(opening="stopifnot(isTRUE(all.equal(", between=", ", quotes=_BOTH)
    extension = "r"
    answer, last = "codebudget$answer({})", 'codebudget$line("end")'
    alias = "candidate <- {}"


_BASH_TEST = re.compile(r'^[ \t]*\[\[ \$\((candidate .*)\) = (".*") \]\][ \t]*$', re.MULTILINE)


class BashDriver(ScriptDriver):
    """Bash: what a function prints is its answer, without the line ends at its end."""

    closes = True
    extension = "sh"
    answer, last = "codebudget_answer {}", "codebudget_line end"
    alias = 'candidate() {{ {} "$@"; }}'

    def cut(self, tests: str) -> tuple[Pair, ...]:
        """Return the commands and what they must print."""
        pairs = tuple((f'"$({call})"', expected) for call, expected in _BASH_TEST.findall(tests))
        return pairs if len(pairs) == tests.count("[[") else ()

    def closing(self, text: str) -> str:
        """Return the bracket that closes the function, unless it is closed."""
        return "" if re.search(r"^\}", text, re.MULTILINE) else "\n}"
