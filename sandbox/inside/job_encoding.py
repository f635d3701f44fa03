"""Encode orders from the host to a box with the interpreter's own `marshal`.

Only the host writes orders, so the reader may trust them. That takes a fiftieth of the time of our strict reader, in a
fork where every step costs page faults. Bytes from a box are read by `wire` and `codec` alone, never by this module.
"""

from __future__ import annotations

import marshal
from typing import Any

from sandbox.inside.codec.codec_types import MARSHAL_VERSION


def pack(order: Any) -> bytes:
    """Encode an order of None, bool, int, float, str, bytes, lists and dicts; raises ValueError for anything else."""
    return marshal.dumps(order, MARSHAL_VERSION)


def unpack(data: bytes) -> Any:
    """Decode an order that the host packed."""
    return marshal.loads(data)  # noqa: S302  (written by the host)
