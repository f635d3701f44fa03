"""Find plugins: values that installed packages register as entry points, in one group for each kind of them.

The groups are those of `GROUPS`; `codebudget.languages` is one. What is built in is registered in `pyproject.toml` in
the same way. Asking for names reads the metadata of the installed packages (some milliseconds, once); a package is
imported when its value is asked for.

A plugin that cannot be loaded is left out, and its error is told once. Names are unique within a group: a plugin cannot
take the name of what is built in, and of two plugins with one name neither is used.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from typing import Generic, TypeVar

PROJECT = "codebudget"
GROUPS = ("problems", "languages", "backends", "rankers", "exporters")
T = TypeVar("T")
_log = logging.getLogger(PROJECT)


class PluginError(ValueError):
    """A name that no plugin has, or a plugin that cannot be used; the message names it, its package and the error."""


class UnknownPlugin(PluginError):
    """A name that no plugin has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """One entry point: its group, its name, and the package that registers it.

    `refused` says why it is never loaded, as if two packages register the same name.
    """

    group: str
    name: str
    package: str
    version: str
    entry: metadata.EntryPoint
    refused: str = ""

    @property
    def built_in(self) -> bool:
        """Return whether the plugin is part of this project."""
        return self.package == PROJECT

    @property
    def key(self) -> str:
        """Return the name under which its errors are kept: that of the plugin, unless it is refused."""
        return f"{self.name} of {self.package}" if self.refused else self.name

    @property
    def title(self) -> str:
        """Return how messages call the plugin."""
        return f"plugin {self.name!r} of {PROJECT}.{self.group} (package {self.package} {self.version})"


class Registry(Generic[T]):
    """The values of one group, by name; each is an instance of `kind`."""

    def __init__(self, group: str, kind: type[T]) -> None:
        if group not in GROUPS:
            raise ValueError(f"there is no group {group!r}; there are {', '.join(GROUPS)}")
        self.group, self.kind = group, kind
        self._loaded: dict[str, T] = {}
        self.errors: dict[str, str] = {}  # why plugins are left out, by their names

    @property
    def plugins(self) -> Mapping[str, Plugin]:
        """Return what is registered, what is built in first; raises PluginError if nothing is."""
        found = {plugin.name: plugin for plugin in _entry_points() if plugin.group == self.group and not plugin.refused}
        if not any(plugin.built_in for plugin in found.values()):
            raise PluginError(
                f"the installed {PROJECT} registers nothing in {PROJECT}.{self.group}: its metadata is missing or older"
                " than its code; install it again (`pip install .`, or `pip install -e .` in a checkout)"
            )
        return found

    @property
    def names(self) -> tuple[str, ...]:
        """Return every name that can be asked for, what is built in first; nothing is loaded."""
        return tuple(self.plugins)

    @property
    def built_in(self) -> tuple[str, ...]:
        """Return the names of what is built in."""
        return tuple(name for name, plugin in self.plugins.items() if plugin.built_in)

    def load(self, name: str) -> T:
        """Return the value of a name; raises PluginError, which names the plugin and its error."""
        if name not in self._loaded:
            plugin = self.plugins.get(name)
            if plugin is None:
                refused = [one for one in _entry_points() if (one.group, one.name) == (self.group, name)]
                if refused:
                    raise PluginError(f"{refused[0].title} {refused[0].refused}")
                known = ", ".join(self.names)
                raise UnknownPlugin(f"no plugin of {PROJECT}.{self.group} is called {name!r}; there are {known}")
            self._loaded[name] = self._value(plugin)
        return self._loaded[name]

    def values(self, *, built_in: bool = False) -> Mapping[str, T]:
        """Return the values that can be loaded; the error of each other one is logged once, as a warning."""
        found = {}
        for name in self.built_in if built_in else self.names:
            try:
                found[name] = self.load(name)
            except PluginError as error:
                self.leave_out(name, str(error))
        if not built_in:
            for one in _entry_points():
                if one.group == self.group and one.refused:
                    self.leave_out(one.key, f"{one.title} {one.refused}")
        return found

    def leave_out(self, name: str, error: str) -> None:
        """Log that a plugin is left out, and why; the same again is not told twice."""
        if name not in self.errors:
            self.errors[name] = error
            plugin = self.plugins.get(name)
            _log.warning("%s", error if plugin is None or plugin.title in error else f"{plugin.title}: {error}")

    @contextmanager
    def naming(self, name: str, fault: type[Exception], known: tuple[type[Exception], ...]) -> Iterator[None]:
        """Raise `fault`, which names the plugin, for an error of a plugin's code that is not one of the `known` kinds.

        Errors of what is built in are bugs of this project, and stay as they are.
        """
        try:
            yield
        except known:
            raise
        except Exception as error:
            plugin = self.plugins.get(name)
            if plugin is None or plugin.built_in:
                raise
            raise fault(f"{plugin.title} failed: {type(error).__name__}: {error}") from error

    def _value(self, plugin: Plugin) -> T:
        try:
            value = plugin.entry.load()
        except (Exception, SystemExit) as error:
            raise PluginError(f"{plugin.title} cannot be loaded: {type(error).__name__}: {error}") from error
        if not isinstance(value, self.kind):
            raise PluginError(f"{plugin.title} is a {type(value).__name__}; it must be a {self.kind.__qualname__}")
        return value


def all_plugins() -> tuple[Plugin, ...]:
    """Return every entry point of every group, in the order of the groups; nothing is loaded."""
    return tuple(sorted(_entry_points(), key=lambda one: GROUPS.index(one.group)))


@cache
def _entry_points() -> tuple[Plugin, ...]:
    """Return every entry point, what is built in first."""
    points = metadata.entry_points()
    owners: dict[int, tuple[str, str]] = {}  # each package's metadata is parsed once: that takes longer than the rest
    found = []
    for group in GROUPS:
        for entry in points.select(group=f"{PROJECT}.{group}"):
            if id(entry.dist) not in owners:
                owners[id(entry.dist)] = _owner(entry)
            package, version = owners[id(entry.dist)]
            found.append(Plugin(group=group, name=entry.name, package=package, version=version, entry=entry))
    found.sort(key=lambda one: (not one.built_in, one.name, one.package))
    return tuple(_unique(found))


def _owner(entry: metadata.EntryPoint) -> tuple[str, str]:
    """Return the name and version of the package that registers an entry point."""
    return ("unknown", "") if entry.dist is None else (entry.dist.name, entry.dist.version)


def _unique(plugins: list[Plugin]) -> Iterator[Plugin]:
    """Yield the plugins; those are refused whose name another one has."""
    for one in plugins:
        others = [it for it in plugins if it is not one and (it.group, it.name) == (one.group, one.name)]
        owners = " and ".join(sorted({it.package for it in others}))
        if not others or (one.built_in and not any(it.built_in for it in others)):
            yield one
        else:
            said = f"is refused: {owners} registers the same name; remove one of the packages"
            yield Plugin(
                group=one.group, name=one.name, package=one.package, version=one.version, entry=one.entry, refused=said
            )
