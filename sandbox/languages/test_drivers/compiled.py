"""Drivers of languages that are compiled: C++, C#, Go, Java, OCaml and Rust."""

from __future__ import annotations

import re
from collections.abc import Iterable

from sandbox.languages.test_drivers.driver import (
    Assertion,
    Driver,
    FunctionCalls,
    Pair,
    closing,
    end_of,
    support,
    without_closing,
)

# Words that a program may have defined as something else, and that the driver needs behind it.
_KEYWORDS = "main assert auto bool break catch char const decltype do double else false float for if int long new "
_KEYWORDS += "return short signed sizeof static true try typename unsigned using void while codebudget candidate value"
_AS_BEFORE = "\n" + "".join(f"#undef {word}\n" for word in _KEYWORDS.split())
_CPP_MAIN = re.compile(r"\bint\s+main\s*\([^)]*\)\s*\{")
_CPP_ASSERT = re.compile(r"^\s*#\s*include\s*<(?:assert\.h|cassert)>\s*$", re.MULTILINE)
_CHECKED = "#define assert(...) (static_cast<bool>(__VA_ARGS__) ? void() : codebudget::failed(#__VA_ARGS__))\n"


class CppDriver(Driver):
    """C++: one overloaded function writes the values of all types; answers are converted as the tests would do it."""

    assertion = Assertion(opening="assert(", between=" == ")
    closes = True

    def answering(self, program: str, tested: FunctionCalls) -> str:
        """Make the program that answers the calls."""
        lines = (f"    codebudget::answer({call});\n" for call in tested.calls)
        return self._whole(program, f"    auto candidate = {tested.function};\n{''.join(lines)}")

    def expecting(self, tested: FunctionCalls) -> str:
        """Make the program that writes what is expected, as values of the type that the function returns."""
        lines = (
            f"    {{ const decltype({call}) value(({expected})); codebudget::answer(value); }}\n"
            for call, expected in tested.pairs
        )
        begun = f"{tested.declaration} __builtin_trap();"
        return self._whole(
            begun + closing(begun), f"    auto candidate = {tested.function};\n    (void)candidate;\n{''.join(lines)}"
        )

    def testing(self, program: str, tests: str) -> str:
        """Make the program that runs the tests beside the function."""
        code = _CPP_MAIN.sub("int codebudget_tests() {", _CPP_ASSERT.sub("", without_closing(tests)))
        code = re.sub(r"\}\s*\Z", "    return 0;\n}\n", code)
        return self._whole(program, "    codebudget_tests();\n", f"{_CHECKED}{code}")

    def _whole(self, program: str, body: str, before: str = "") -> str:
        head = f'{support("cpp")}#define main codebudget_own_main\n#line 1 "main.cpp"\n'
        run = f"int main() {{\n    codebudget::begin();\n{body}    codebudget::end();\n}}\n"
        return f"{head}{program}{_AS_BEFORE}{before}{run}"


_RUST_MAIN = re.compile(r"\bfn\s+main\s*\(")
_RUST_CRATES = re.compile(r"^use (?:rand|regex|md5)\b[^;]*;", re.MULTILINE)  # HumanEval-X imports them everywhere
_RUST_TEST = re.compile(r"#\[test\]\s*(?:pub\s+)?fn\s+(\w+)")


class RustDriver(Driver):
    """Rust: a trait writes the values; what is expected has the type of the call beside it."""

    assertion = Assertion(opening="assert_eq!(", between=", ")
    closes = True

    def answering(self, program: str, tested: FunctionCalls) -> str:
        """Make the program that answers the calls."""
        return self._whole(program, tested.function, tested.calls)

    def expecting(self, tested: FunctionCalls) -> str:
        """Make the program that writes what is expected."""
        begun = f"{tested.declaration} loop {{}}"
        values = (f"codebudget::same(|| {call}, {expected})" for call, expected in tested.pairs)
        return self._whole(begun + closing(begun), tested.function, values)

    def testing(self, program: str, tests: str) -> str:
        """Make the program that runs the tests beside the function."""
        code = _RUST_MAIN.sub("fn codebudget_tests(", without_closing(tests)).replace("#[cfg(test)]", "")
        calls = "".join(f"    tests::{name}();\n" for name in _RUST_TEST.findall(code)) or "    codebudget_tests();\n"
        code = _RUST_TEST.sub(r"pub fn \1", code)
        return f"{self._own(program)}\n{code}\n{support('rs')}{self._main(calls)}"

    def _own(self, program: str) -> str:
        own = _RUST_CRATES.sub("", _RUST_MAIN.sub("fn codebudget_own_main(", program))
        return f"#![allow(warnings)] {own}"

    def _whole(self, program: str, function: str, values: Iterable[str]) -> str:
        lines = "".join(f"    codebudget::answer(&token, &({value}));\n" for value in values)
        return f"{self._own(program)}\n{support('rs')}{self._main(f'    let candidate = {function};{chr(10)}{lines}')}"

    def _main(self, body: str) -> str:
        return f'fn main() {{\n    let token = codebudget::begin();\n{body}    codebudget::line(&token, "end");\n}}\n'


_GO_HEAD = "package main; " + "".join(
    f'import codebudget_{name} "{name}"; ' for name in ("bufio", "fmt", "os", "reflect")
)
_GO_PACKAGE = re.compile(r"^[ \t]*package[ \t]+\w+[ \t]*;?", re.MULTILINE)
_GO_IMPORTS = re.compile(r'^[ \t]*import[ \t]*(?:\(([^)]*)\)|((?:[\w.]+[ \t]+)?"[^"\n]*"))[ \t]*;?', re.MULTILINE)
_GO_PATH = re.compile(r'"([^"\n]+)"')
_GO_MAIN = re.compile(r"^func[ \t]+main[ \t]*\(", re.MULTILINE)
_GO_TEST = re.compile(r"^func[ \t]+(Test\w*)[ \t]*\(", re.MULTILINE)
_GO_USED = {"fmt": "fmt.Sprint", "testing": "testing.Short"}  # what published tests use of a program's imports
_GO_USUAL = ("bytes", "errors", "fmt", "math", "math/rand", "regexp", "sort", "strconv", "strings", "time", "unicode")
_GO_OURS = ("testing", "github.com/stretchr/testify/assert")


class GoDriver(Driver):
    """Go: answers are compared as `%v` writes them, as the published tests do."""

    assertion = Assertion(opening="{ actual: ", between=", expected: ")

    def answering(self, program: str, tested: FunctionCalls) -> str:
        """Make the program that answers the calls."""
        imported = {path for found in _GO_IMPORTS.finditer(program) for path in _GO_PATH.findall(found[0])}
        used = "".join(f"var _ = {name}\n" for path, name in _GO_USED.items() if path in imported)
        return self._whole(program, f"{used}{support('go')}", f"\tcandidate := {tested.function}\n", tested.calls)

    def expecting(self, tested: FunctionCalls) -> str:
        """Make the program that writes what is expected."""
        return self._whole("", support("go"), "", [expected for _, expected in tested.pairs])

    def testing(self, program: str, tests: str) -> str:
        """Make the program that runs the tests beside the function, with a `testing.T` and an `assert` of ours.

        A package is imported where its name is used, as HumanEval-X does it.
        """
        code = f"{_GO_PACKAGE.sub('', program)}\n{_GO_PACKAGE.sub('', tests)}"
        paths = {path for found in _GO_IMPORTS.finditer(code) for path in _GO_PATH.findall(found[0])}
        code = _GO_IMPORTS.sub("", code)
        wanted = sorted(
            path for path in paths.union(_GO_USUAL).difference(_GO_OURS) if f"{path.rpartition('/')[2]}." in code
        )
        imports = "".join(f'import "{path}"; ' for path in wanted)
        runs = "".join(f"\t{name}(&codebudgetT{{}})\n" for name in _GO_TEST.findall(tests))
        code = _GO_MAIN.sub("func codebudgetOwnMain(", code).replace("*testing.T", "*codebudgetT")
        shared = f"{support('go')}\nvar assert = codebudgetAssert{{&codebudgetT{{}}}}\n"
        main = f'func main() {{\n\ttoken := codebudgetToken()\n{runs}\tcodebudgetLine(token, "end")\n}}\n'
        return f"{_GO_HEAD}{imports}\n{code}\n{shared}{main}"

    def _whole(self, program: str, support_code: str, first: str, values: Iterable[str]) -> str:
        own = _GO_MAIN.sub("func codebudgetOwnMain(", _GO_PACKAGE.sub("", program, count=1))
        lines = "".join(f"\tcodebudgetAnswer(token, {value})\n" for value in values)
        main = f'func main() {{\n\ttoken := codebudgetToken()\n{first}{lines}\tcodebudgetLine(token, "end")\n}}\n'
        return f"{_GO_HEAD}{own}\n{support_code}{main}"


_OCAML_TEST = "(assert ("


class OCamlDriver(Driver):
    """OCaml: answers are written from their blocks in memory, which are equal where the values are."""

    def cut(self, tests: str) -> tuple[Pair, ...]:
        """Return each call with what is expected of it; a call is in brackets, its arguments are not."""
        pairs, at = list[Pair](), 0
        while (start := tests.find(_OCAML_TEST, at)) >= 0:
            begin = start + len(_OCAML_TEST)
            at = end_of(tests, begin, '"')
            inner = tests[begin:at]
            end = end_of(inner, 1, '"') + 1
            if not inner.startswith("(candidate ") or not inner[end:].startswith(" = "):
                return ()
            pairs.append((inner[:end], inner[end + 3 :].strip()))
        return tuple(pairs)

    def answering(self, program: str, tested: FunctionCalls) -> str:
        """Make the program that answers the calls."""
        return self._whole(program, tested.function, tested.calls)

    def expecting(self, tested: FunctionCalls) -> str:
        """Make the program that writes what is expected, as values of the type that the function returns."""
        values = (f"Codebudget.same (fun () -> {call}) ({expected})" for call, expected in tested.pairs)
        return self._whole(f"{tested.declaration} assert false", tested.function, values)

    def testing(self, program: str, tests: str) -> str:
        """Make the program that runs the tests beside the function."""
        return f'{program}\n{support("ml")}{tests}\nlet () = Codebudget.line "end"\n'

    def _whole(self, program: str, function: str, values: Iterable[str]) -> str:
        lines = "".join(f"let () = Codebudget.answer ({value})\n" for value in values)
        end = 'let () = Codebudget.line "end"\n'
        return f"{program}\n{support('ml')}let candidate = {function}\n{lines}{end}"


_JAVA_MAIN = re.compile(r"\bvoid\s+main\s*\(")
_JAVA_IMPORT = re.compile(r"^[ \t]*import\s+[\w.* \t]+;", re.MULTILINE)
_JAVA_TUPLES = re.compile(r"^[ \t]*import\s+org\.javatuples\.[\w*]+\s*;", re.MULTILINE)
_TUPLES = ("Unit", "Pair", "Triplet", "Quartet", "Quintet", "Sextet")


class JavaDriver(Driver):
    """Java: answers are written by the classes that they have when the program runs."""

    assertion = Assertion(opening="assert(", between=" == ", called=".equals(")
    closes = True

    def answering(self, program: str, tested: FunctionCalls) -> str:
        """Make the program that answers the calls."""
        begun = program.partition(f" {tested.function}(")[0]
        owner = self.owner(begun if "class" in begun else tested.declaration)
        return self._whole(program, [f"{owner}.{call}" for call in tested.calls])

    def expecting(self, tested: FunctionCalls) -> str:
        """Make the program that writes what is expected."""
        imports = "\n".join(_JAVA_IMPORT.findall(tested.declaration))
        return self._whole(imports, [expected for _, expected in tested.pairs])

    def testing(self, program: str, tests: str) -> str:
        """Make the program that runs the tests beside the function."""
        inside = tests.lstrip().startswith("}")
        code = _JAVA_MAIN.sub("void codebudgetTests(", without_closing(tests)).replace("public class ", "class ")
        own = _JAVA_MAIN.sub("void codebudgetOwnMain(", program)
        own = re.sub(r"\}\s*\Z", "", own) if inside else own
        owner = self.owner(program) if inside else "Main"
        return self._with_support(f"{own}\n{code}", f"        {owner}.codebudgetTests(new String[0]);\n")

    @staticmethod
    def owner(text: str) -> str:
        """Return the name of the last class that a text begins."""
        found: list[str] = re.findall(r"\bclass\s+(\w+)", text)
        return found[-1] if found else "Problem"

    def _whole(self, program: str, values: Iterable[str]) -> str:
        lines = "".join(f"        CodebudgetAnswers.answer({value});\n" for value in values)
        return self._with_support(_JAVA_MAIN.sub("void codebudgetOwnMain(", program), lines)

    def _with_support(self, program: str, body: str) -> str:
        tuples = _tuples() if _JAVA_TUPLES.search(program) else ""
        main = (
            "class CodebudgetMain {\n    public static void main(String[] words) throws Throwable {\n"
            f"        CodebudgetAnswers.begin();\n{body}        CodebudgetAnswers.end();\n    }}\n}}\n"
        )
        return f"{_JAVA_TUPLES.sub('', program)}\n{main}{support('java')}{tuples}"


def _tuples() -> str:
    """Return the classes of javatuples that the data sets use."""
    made = []
    for size, name in enumerate(_TUPLES, 1):
        letters = "ABCDEF"[:size]
        kinds, names = ", ".join(letters), ", ".join(letters.lower())
        taken = ", ".join(f"{letter} {letter.lower()}" for letter in letters)
        values = " ".join(
            f'@SuppressWarnings("unchecked") {letter} getValue{at}() {{ return ({letter}) items[{at}]; }}'
            for at, letter in enumerate(letters)
        )
        made.append(
            f"class {name}<{kinds}> extends CodebudgetTuple {{ {name}({taken}) {{ super(new Object[] {{ {names} }}); }}"
            f" static <{kinds}> {name}<{kinds}> with({taken}) {{ return new {name}<>({names}); }} {values} }}\n"
        )
    return "".join(made)


_CSHARP_MAIN = re.compile(r"\b(void|int|async\s+Task)\s+Main\s*\(")
_CSHARP_USING = re.compile(r"^[ \t]*using\s+[\w.= \t]+;", re.MULTILINE)


class CSharpDriver(Driver):
    """C#: answers are written by the types that they have when the program runs; lists are compared by their items."""

    assertion = Assertion(opening="Debug.Assert(", between=" == ", called=".Equals(")
    closes = True

    def answering(self, program: str, tested: FunctionCalls) -> str:
        """Make the program that answers the calls."""
        begun = program.partition(f" {tested.function}(")[0]
        owner = JavaDriver.owner(begun if "class" in begun else tested.declaration)
        return self._whole(program, (f"{owner}.{call}" for call in tested.calls))

    def expecting(self, tested: FunctionCalls) -> str:
        """Make the program that writes what is expected."""
        usings = "\n".join(_CSHARP_USING.findall(tested.declaration))
        return self._whole(usings, (expected for _, expected in tested.pairs))

    def testing(self, program: str, tests: str) -> str:
        """Make the program that runs the tests beside the function."""
        code = _CSHARP_MAIN.sub(r"\1 CodebudgetTests(", without_closing(tests))
        code = code.replace("Debug.Assert(", "CodebudgetAnswers.Assert(")
        own = re.sub(r"\}\s*\Z", "", _CSHARP_MAIN.sub(r"\1 CodebudgetOwnMain(", program))
        owner = JavaDriver.owner(program)
        return self._with_support(f"{own}\n{code}", f"        {owner}.CodebudgetTests(new string[0]);\n")

    def _whole(self, program: str, values: Iterable[str]) -> str:
        lines = "".join(f"        CodebudgetAnswers.Answer({value});\n" for value in values)
        return self._with_support(_CSHARP_MAIN.sub(r"\1 CodebudgetOwnMain(", program), lines)

    def _with_support(self, program: str, body: str) -> str:
        main = f"CodebudgetAnswers.Begin();\n{body}        CodebudgetAnswers.End();"
        whole = f"static class CodebudgetMain {{\n    static void Main() {{\n        {main}\n    }}\n}}\n"
        return f"{program}\n{whole}{support('cs')}"
