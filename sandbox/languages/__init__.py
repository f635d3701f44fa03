"""The languages that programs may be written in, each a value (`language`), and one table of them.

A new language needs a value, in a file of its own or beside its relatives, and its name in `LANGUAGES`. Everything
else follows from the value: images, boxes, commands, the names that a client may use.

Python is not in the table. Its programs run in forks of the boxes' own warm interpreter (`sandbox.inside`).
"""

from __future__ import annotations

from pathlib import PurePath

from sandbox.languages.cpp import CPP, C
from sandbox.languages.csharp_fortran import CSHARP, FORTRAN
from sandbox.languages.go import GO
from sandbox.languages.java import JAVA
from sandbox.languages.javascript import JAVASCRIPT, TYPESCRIPT
from sandbox.languages.language import Compile, Language, Toolchain
from sandbox.languages.rust import RUST
from sandbox.languages.script_languages import BASH, LUA, PERL, PHP, RUBY, R
from sandbox.values import PYTHON

LANGUAGES = (CPP, C, JAVA, JAVASCRIPT, TYPESCRIPT, GO, RUST, BASH, CSHARP, FORTRAN, LUA, PERL, PHP, R, RUBY)
_BY_NAME = {name: language for language in LANGUAGES for name in language.names}
_BY_EXTENSION = {end: language for language in LANGUAGES for end in (language.extension, *language.extensions)}
PYTHON_NAMES = (PYTHON, "py", "python3", "py3")


def find_language(name: str) -> Language | None:
    """Return the language of a name, in any case; None for Python. Raises ValueError for an unknown one."""
    folded = name.casefold()
    if folded in PYTHON_NAMES:
        return None
    if folded not in _BY_NAME:
        raise ValueError(f"language {name!r} is not known; there are {', '.join(names())}")
    return _BY_NAME[folded]


def named(name: str) -> str:
    """Return the first name of the language that has this name, Python's included; raises ValueError."""
    language = find_language(name)
    return PYTHON if language is None else language.name


def chosen_languages(names: str) -> list[Language]:
    """Return the languages of a list of names such as cpp,javascript, or all; raises ValueError."""
    if names.strip().casefold() == "all":
        return list(LANGUAGES)
    found = [find_language(name.strip()) for name in names.split(",") if name.strip()]
    return [language for language in dict.fromkeys(found) if language is not None]


def language_of_file(path: str) -> str:
    """Return the name of the language of a file by its extension; Python for any other."""
    language = _BY_EXTENSION.get(PurePath(path).suffix.casefold())
    return PYTHON if language is None else language.name


def names() -> list[str]:
    """Return the name of every language, Python's first."""
    return [PYTHON, *(language.name for language in LANGUAGES)]


__all__ = [
    "LANGUAGES",
    "PYTHON_NAMES",
    "Compile",
    "Language",
    "Toolchain",
    "chosen_languages",
    "find_language",
    "language_of_file",
    "named",
    "names",
]
