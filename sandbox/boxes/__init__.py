"""Warm, hardened containers, and proof that they are what they should be.

Everything that comes out of one is hostile bytes.

From the outside in: `pool` hands tasks to threads, and `box_supply` opens and replaces their boxes. `box` is one
container and its protocol, `result_decoder` reads what it sends over `docker_stream`, and `docker_client` is the only
module that imports `docker`. `container_config` (its system calls in `seccomp.json`) and `image` say what a box is made
of, `packages` what else goes into it. `isolation_check` refuses a box with a hole in its walls, and `isolation_cache`
remembers which boxes have passed its slow half. `ownership` removes the containers of processes that were killed.
"""
