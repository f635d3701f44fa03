"""Runs untrusted programs in hardened Docker boxes and says whether they passed. Knows nothing of models or studies.

Who trusts whom: the host trusts nothing that comes out of a box. A *job* goes in, facts come out (`Run`), and a pure function
on the host makes the *verdict*. Our fault is an exception (`SandboxError`), the program's fault is data. Worst case: a box
breaks or cannot be proved clean; it is thrown away, the job is tried on another one, and nothing is scored by accident.

From the outside in: `cli` reads the command line, `scorefile` and `scoring` tie things together, `pool` keeps warm boxes, `box`
is one container and its protocol, `engine` is the only door to Docker, `inside` is what runs in the container.
"""
