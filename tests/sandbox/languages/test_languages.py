"""The table of languages: names, files, commands."""

from __future__ import annotations

from collections import Counter

import pytest

from sandbox.languages import PYTHON_NAMES, find_language, language_of_file, languages
from sandbox.languages.java import JAVA, main_class, main_file
from sandbox.values import PYTHON, Limits


def test_no_name_or_extension_means_two_languages() -> None:
    names = Counter(name for language in languages() for name in language.names)
    names.update(PYTHON_NAMES)
    extensions = Counter(end for language in languages() for end in (language.extension, *language.extensions))
    assert max(names.values()) == max(extensions.values()) == 1
    assert all(name == name.casefold() for name in names | extensions)


@pytest.mark.parametrize(
    ("name", "found"),
    [("cpp", "cpp"), ("C++", "cpp"), ("nodejs", "javascript"), ("ts", "typescript"), ("golang", "go"), ("rs", "rust")],
)
def test_a_language_is_found_by_the_names_that_clients_use(name: str, found: str) -> None:
    language = find_language(name)
    assert language is not None
    assert language.name == found


def test_python_is_no_value_of_the_table() -> None:
    assert find_language("Python3") is None


def test_an_unknown_language_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"'brainfuck' is not known; there are python, bash"):
        find_language("brainfuck")


def test_the_extension_of_a_file_says_its_language() -> None:
    assert [language_of_file(name) for name in ("a/b.CPP", "x.rs", "y.py", "-")] == ["cpp", "rust", PYTHON, PYTHON]


@pytest.mark.parametrize("language", languages(), ids=lambda language: language.name)
def test_every_command_is_a_full_path_and_has_no_field_left(language) -> None:
    source = "class Main { }"
    commands = [language.run, language.check or (), language.compile.command if language.compile else ()]
    for command in filter(None, commands):
        words = language.words(command, source, 512)
        assert words[0].startswith("/")
        assert not any(field in word for word in words for field in ("{file}", "{entry}", "{memory_mb}"))


def test_limits_of_time_are_scaled_by_the_language_and_no_others() -> None:
    limits = Limits(cpu_s=2, wall_s=5, memory_mb=256)
    assert JAVA.limits(limits) == Limits(cpu_s=4, wall_s=10, memory_mb=256)
    cpp = find_language("cpp")
    assert cpp is not None
    assert cpp.limits(limits) == limits


@pytest.mark.parametrize(
    ("source", "file", "started"),
    [
        ("public class Solver { public static void main(String[] a) {} }", "Solver", "Solver"),
        ("class A {} class B { static void main(String[] a) {} }", "Main", "B"),
        ("class A { class C {} public static void main(String... a) {} } class D {}", "Main", "A"),
        ("package a.b;\npublic final class E { public static void main(String[] a) {} }", "E", "a.b.E"),
        (
            '// public class No {\nclass F { String s = "class G {"; public static void main(String[] a) {} }',
            "Main",
            "F",
        ),
        ("interface H {}\npublic record I(int x) { public static void main(String[] a) {} }", "I", "I"),
        ("void main() { }", "Main", "Main"),
        ("no java at all {{{", "Main", "Main"),
    ],
)
def test_a_java_file_is_named_after_its_public_class_and_the_class_with_main_is_started(
    source: str, file: str, started: str
) -> None:
    assert (main_file(source), main_class(source)) == (file, started)
