"""Standard input as a file: what a program reads lies in memory, under no name, and belongs to process 1.

So its size is known, and it can be mapped and read twice, as where a file is redirected to a program. The program's
descriptor is for reading alone, and each visit has a file of its own: there is nothing to write into, and no place in
it that outlives the visit.
"""

from __future__ import annotations

import os

from sandbox.inside.places import RUN


def opened(data: bytes) -> int:
    """Return a descriptor at the beginning of a nameless file that holds the data."""
    writing = os.open(RUN, os.O_TMPFILE | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o444)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(writing, rest) :]
        return os.open(f"/proc/self/fd/{writing}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(writing)
