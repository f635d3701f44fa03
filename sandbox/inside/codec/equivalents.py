"""Replace a value of another type by a value of a known type that equals it, if the known type does the comparison.

A subclass that inherits comparison and iteration unchanged is treated as its base: its content is read with the base's
own functions. A class is examined by `type`'s own slots, so its metaclass and its methods cannot interfere. Only plain
data leave the process in any case, and the host compares them: this module only decides whether an honest answer is
recognised.
"""

from __future__ import annotations

import gc
import sys
import types
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, UserString, defaultdict
from collections.abc import Callable, ItemsView, KeysView
from datetime import date, datetime, timedelta
from typing import Any

_MRO = type.__dict__["__mro__"].__get__
_VARS = type.__dict__["__dict__"].__get__
_FLAGS = type.__dict__["__flags__"].__get__
_NAME = type.__dict__["__name__"].__get__
_HEAP_TYPE = 1 << 9  # a class that a class statement made
_COMPARES = ("__eq__", "__ne__", "__iter__", "__len__", "__bool__")
_OF_CONTAINERS = frozenset({"__iter__", "__len__"})
_INT_FORMATS = frozenset("bBhHiIlLqQ")
MAX_HELD = 5  # mappings that hold one another
_ARRAY_KINDS = frozenset("?bhilqpBHILQPefdFDSUO")
_NO_ANSWER = (None, _VARS(ChainMap)["__missing__"])
_SCALAR_TYPES = frozenset({bool, int, float, complex, str, bytes, date, datetime, timedelta})


class NoEquivalent(Exception):
    """No value of a known type equals the value.

    The class is `suspect` if its own methods would decide what it equals.
    """

    def __init__(self, *, suspect: bool = False) -> None:
        super().__init__()
        self.suspect = suspect


def name_of(kind: type) -> str:
    """Return the name of a class, whatever its metaclass says."""
    return str(_NAME(kind))


def attribute(kind: type, name: str) -> object:
    """Return the attribute of this name from a class or, in the order of inheritance, from one of its bases.

    None if there is none.
    """
    return next((_VARS(base)[name] for base in _MRO(kind) if name in _VARS(base)), None)


def is_iterator(kind: type) -> bool:
    """Return whether instances are iterators."""
    return attribute(kind, "__next__") is not None


def decides_truth(kind: type) -> bool:
    """Return whether a class of the program itself defines when its instances count as true."""
    found = attribute(kind, "__bool__") or attribute(kind, "__len__")
    if type(found) is types.FunctionType:
        return not found.__code__.co_filename.startswith(("/", "<frozen"))  # not of the standard library or a package
    return found is not None and not isinstance(found, types.WrapperDescriptorType)


def base_of(kind: type, known: frozenset[type], *, hashed: bool) -> type | None:
    """Return the known type that instances of a subclass can be treated as; None if it is a subclass of no known type.

    `hashed`: they are keys of a dict or items of a set, where their hash counts, too. Raises NoEquivalent.
    """
    base = next((one for one in _MRO(kind) if one in known), None)
    if base is not None and not _inherits(kind, base, _COMPARES + ("__hash__",) * hashed):
        raise NoEquivalent(suspect=True)
    return base


def _inherits(kind: type, base: type, names: tuple[str, ...]) -> bool:
    """Return whether the class has these methods from its base; for numbers, `__len__` does not count."""
    ours = [(name, attribute(base, name)) for name in names]
    return all(
        attribute(kind, name) is found for name, found in ours if found is not None or name not in _OF_CONTAINERS
    )


def numpy_scalar(value: Any, kind: type) -> object:
    """Return the Python value of a numpy scalar or a pandas time; the value itself if it is neither.

    Raises NoEquivalent.
    """
    generic = _of_module("numpy", "generic")
    if generic is not None and generic in _MRO(kind):
        return _from_numpy(value, kind, generic)
    for name, method in (("Timestamp", "to_pydatetime"), ("Timedelta", "to_pytimedelta")):
        if kind is _of_module("pandas", name):
            if value.nanosecond if name == "Timestamp" else value.nanoseconds:
                raise NoEquivalent  # Python's own type holds microseconds
            return getattr(value, method)()
    return value


def _from_numpy(value: Any, kind: type, generic: Any) -> object:
    if _FLAGS(kind) & _HEAP_TYPE:  # a subclass that the program made
        raise NoEquivalent(suspect=True)
    found = generic.item(value)
    if kind is _of_module("numpy", "longdouble") and float(value) == value:
        return float(value)
    if type(found) not in _SCALAR_TYPES or (type(found) is int and kind.__name__.startswith(("datetime", "timedelta"))):
        raise NoEquivalent
    if type(found) is bool:
        return int(found)  # equal to True, and as little the constant itself
    if type(found) is float and kind.__name__ in {"float16", "float32"} and _rounds_python_floats():
        return float(str(value))
    return found


def _rounds_python_floats() -> bool:
    """Whether numpy compares a short float with a float at the short one's precision, as it does from version 2 on."""
    return str(_of_module("numpy", "__version__")).partition(".")[0] not in {"0", "1"}


def array_parts(value: Any, kind: type) -> list[object] | None:
    """Return the dtype, shape and items of a numpy array.

    None for any other value, and for items of an unsupported type.
    """
    if kind is not _of_module("numpy", "ndarray") or value.dtype.char not in _ARRAY_KINDS:
        return None
    return [value.dtype.str, list(value.shape), value.ravel().tolist()]


def _of_module(module: str, name: str) -> Any:
    """Return an attribute of a module, if the module was imported."""
    found = sys.modules.get(module)
    return vars(found).get(name) if type(found) is types.ModuleType else None


def equivalent(value: Any, kind: type, *, hashed: bool) -> object:
    """Return a value of a known type that equals one of the standard library's other types; raises NoEquivalent."""
    for own, (convert, names) in _CONVERSIONS.items():
        if own in _MRO(kind):
            if not _inherits(kind, own, names + ("__hash__",) * hashed):
                raise NoEquivalent(suspect=True)
            if hashed and own not in _HASHED:
                break
            return convert(value)
    raise NoEquivalent


def _memory(value: memoryview) -> bytes:
    """Return the bytes that a memoryview equals: it compares items, of any size."""
    if value.ndim != 1 or value.format not in _INT_FORMATS:
        raise NoEquivalent
    if value.format == "B":
        return value.tobytes()
    items = value.tolist()
    if not all(0 <= item < 256 for item in items):
        raise NoEquivalent
    return bytes(items)


def _proxied(value: object) -> object:
    """Return the mapping behind a mappingproxy, whose own methods would call those of the mapping."""
    return gc.get_referents(value)[0]


def _chained(value: Any, depth: int = MAX_HELD) -> dict[Any, Any]:
    maps = value.maps
    if type(maps) is not list or any(attribute(type(one), "__missing__") not in _NO_ANSWER for one in maps[:-1]):
        raise NoEquivalent  # one that has an answer for every key hides those behind it
    found: dict[Any, Any] = {}
    for one in reversed(maps):
        found.update(_plain_dict(one, depth))
    return found


def _plain_dict(mapping: Any, depth: int = MAX_HELD) -> dict[Any, Any]:
    """Return the dict that equals a mapping, which may hold another mapping, down to `depth` levels."""
    kind = type(mapping)
    if depth and kind is types.MappingProxyType:
        return _plain_dict(_proxied(mapping), depth - 1)
    base = next((one for one in _MRO(kind) if one in _PLAIN_DICTS or one in {UserDict, ChainMap}), None)
    if base is None or not depth:
        raise NoEquivalent
    if not _inherits(kind, base, _COMPARES + _MAPPING):
        raise NoEquivalent(suspect=True)
    if base is ChainMap:
        return _chained(mapping, depth - 1)
    return _plain_dict(mapping.data, depth - 1) if base is UserDict else dict(dict.items(mapping))


def _keys(value: Any) -> set[object]:
    return set(_mapping_of(value))


def _items(value: Any) -> set[object]:
    return _set(_mapping_of(value).items())


def _mapping_of(view: Any) -> dict[Any, Any]:
    """Return the dict behind a view of collections.abc."""
    return _plain_dict(view._mapping)  # noqa: SLF001  (the one place where it stands)


def _set(items: Any) -> set[object]:
    try:
        return set(items)
    except TypeError:  # a view of pairs with a value that has no hash equals no set
        raise NoEquivalent from None


_PLAIN_DICTS = frozenset({dict, OrderedDict, Counter, defaultdict})
_HASHED = frozenset({memoryview, UserString})
_MAPPING = ("__getitem__", "__contains__", "items", "keys", "values")
_CONVERSIONS: dict[type, tuple[Callable[[Any], object], tuple[str, ...]]] = {
    bytearray: (lambda value: bytes(memoryview(value)), _COMPARES),
    memoryview: (_memory, _COMPARES),
    type({}.keys()): (_set, _COMPARES[:2]),
    type({}.items()): (_set, _COMPARES[:2]),
    types.MappingProxyType: (_proxied, _COMPARES),
    UserList: (lambda value: value.data, _COMPARES),
    UserDict: (lambda value: value.data, _COMPARES + _MAPPING),
    UserString: (lambda value: value.data, _COMPARES),
    ChainMap: (_chained, _COMPARES + _MAPPING),
    KeysView: (_keys, _COMPARES),
    ItemsView: (_items, _COMPARES),
}
