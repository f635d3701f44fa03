"""What host and box both know of a box: where things are in it, and how it is made."""

from __future__ import annotations

SCRATCH = "/tmp"  # the box's own, made for one visit
RUN = "/run/box"  # process 1 writes here, and nobody else
USER = "box"  # the name of every user and group but root
STACK_BYTES = 256 << 20  # 50,000 levels of recursion through C take up to 5 kB each; what is not used costs nothing
