"""Open and run warm, hardened containers, and prove their isolation.

Everything that comes out of a container is hostile bytes.

From the outside in: `pool` hands tasks to threads, and `box_supply` opens and replaces their boxes. `conversation` runs
two programs that talk. `box` is one container and its protocol, `result_decoder` reads what it sends over
`docker_stream`, and `docker_client` is the only module that imports `docker`. `container_config` (its system calls in
`seccomp.json`) and `image` say what a box is made of, `packages` what else goes into it (`profiles` has lists of them).
`isolation_check` refuses a box whose isolation has a hole (`isolation_probe` tries it from within), and remembers which
boxes have passed the slow half. `ownership` removes the containers of processes that have ended.
"""
