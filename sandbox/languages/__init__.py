"""The languages that programs may be written in, each a value (`language`), and how one is found by a name.

A new language needs a value, in a file of its own or beside its relatives, and an entry point of
`codebudget.languages` with its name, in `pyproject.toml` or in that of another package. Everything else follows from
the value: images, boxes, commands, the names that a client may use.

Python is not among them. Its programs run in forks of the boxes' own warm interpreter (`sandbox.inside`).
"""

from __future__ import annotations

from functools import cache
from pathlib import PurePath

from sandbox.languages.language import Compile, Language, Toolchain
from sandbox.registry import Registry
from sandbox.values import PYTHON

PYTHON_NAMES = (PYTHON, "py", "python3", "py3")
REGISTRY = Registry("languages", Language)


@cache
def languages(*, built_in: bool = False) -> tuple[Language, ...]:
    """Return every language but Python, what is built in first.

    A plugin is left out if another language has one of its names or extensions already.
    """
    found: dict[str, Language] = {}
    taken = dict.fromkeys((*PYTHON_NAMES, ".py"), PYTHON)
    for name, language in REGISTRY.values(built_in=built_in).items():
        wanted = (*language.names, language.extension, *language.extensions)
        clash = next((word for word in wanted if word in taken), None)
        if language.name != name:
            REGISTRY.leave_out(name, f"its language is called {language.name!r}; register it under that name")
        elif clash is not None:
            REGISTRY.leave_out(name, f"{clash!r} belongs to the language {taken[clash]!r} already")
        else:
            found[name] = language
            taken.update(dict.fromkeys(wanted, name))
    return tuple(found.values())


@cache
def _by_name(*, built_in: bool) -> dict[str, Language]:
    return {name: language for language in languages(built_in=built_in) for name in language.names}


@cache
def _by_extension(*, built_in: bool) -> dict[str, Language]:
    found = languages(built_in=built_in)
    return {end: language for language in found for end in (language.extension, *language.extensions)}


def find_language(name: str) -> Language | None:
    """Return the language of a name, in any case; None for Python. Raises ValueError for an unknown one."""
    folded = name.casefold()
    if folded in PYTHON_NAMES:
        return None
    language = _by_name(built_in=True).get(folded) or _by_name(built_in=False).get(folded)
    if language is None:
        raise ValueError(f"language {name!r} is not known; there are {', '.join(names())}")
    return language


def named(name: str) -> str:
    """Return the first name of the language that has this name, Python's included; raises ValueError."""
    language = find_language(name)
    return PYTHON if language is None else language.name


def chosen_languages(names: str) -> list[Language]:
    """Return the languages of a list of names such as cpp,javascript, or all; raises ValueError."""
    if names.strip().casefold() == "all":
        return list(languages())
    found = [find_language(name.strip()) for name in names.split(",") if name.strip()]
    return [language for language in dict.fromkeys(found) if language is not None]


def language_of_file(path: str) -> str:
    """Return the name of the language of a file by its extension; Python for any other."""
    suffix = PurePath(path).suffix.casefold()
    if suffix in {"", ".py"}:
        return PYTHON
    language = _by_extension(built_in=True).get(suffix) or _by_extension(built_in=False).get(suffix)
    return PYTHON if language is None else language.name


def names(*, built_in: bool = False) -> list[str]:
    """Return the name of every language, or of every one that is built in; Python's first."""
    if built_in:
        return [PYTHON, *REGISTRY.built_in]
    return [PYTHON, *(language.name for language in languages())]


__all__ = [
    "PYTHON_NAMES",
    "Compile",
    "Language",
    "Toolchain",
    "chosen_languages",
    "find_language",
    "language_of_file",
    "languages",
    "named",
    "names",
]
