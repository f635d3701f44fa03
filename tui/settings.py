"""Read the user's settings, a theme and keys, from TOML files.

They are read from `budget-tui.toml` in the current folder, then from the user's configuration folder; for each table
the first file that has it counts. An unknown word is an error that names the most similar valid one.

    theme = "nord"
    [keymap]
    "app.quit" = "ctrl+q"
    "list.down" = "down,j,n"
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.sanitize import did_you_mean

FILE = "budget-tui.toml"
KNOWN = ("theme", "keymap")


class SettingsError(ValueError):
    """A file of settings that cannot be used; the message names it and says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The name of a theme ("" is the usual one), and keys by the ids of what they do."""

    theme: str = ""
    keymap: Mapping[str, str] = field(default_factory=dict)


def read_settings(files: Sequence[Path]) -> Settings:
    """Read the settings of the existing files; earlier files have precedence. Raises SettingsError."""
    found: dict[str, Any] = {}
    for file in files:
        for name, value in _read(file).items():
            found.setdefault(name, value)
    return Settings(theme=found.get("theme", ""), keymap=found.get("keymap", {}))


def refuse_unknown(settings: Settings, themes: Collection[str], ids: Collection[str]) -> None:
    """Raise SettingsError for a theme or an id that does not exist."""
    if settings.theme and settings.theme not in themes:
        raise SettingsError(
            f"there is no theme {settings.theme!r}{did_you_mean(settings.theme, themes)}; there are {', '.join(themes)}"
        )
    for name in settings.keymap:
        if name not in ids:
            raise SettingsError(
                f"[keymap]: nothing is called {name!r}{did_you_mean(name, ids)}; `?` lists keys with their names"
            )


def _read(file: Path) -> Mapping[str, Any]:
    try:
        told = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{str(file)!r}: {error}") from error
    for name, value in told.items():
        if name not in KNOWN:
            raise SettingsError(f"{str(file)!r}: there is no setting {name!r}{did_you_mean(name, KNOWN)}")
        keys = isinstance(value, dict) and all(isinstance(key, str) for key in value.values())
        if (name == "theme" and not isinstance(value, str)) or (name == "keymap" and not keys):
            wanted = (
                'the name of a theme, as "nord"' if name == "theme" else 'a table of keys, as "app.quit" = "ctrl+q"'
            )
            raise SettingsError(f"{str(file)!r}: {name} must be {wanted}")
    return told
