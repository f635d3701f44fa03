"""Warm, hardened containers, and proof that they are what they should be.

Everything that comes out of one is hostile bytes.

From the outside in: `pool` keeps boxes ready, `box` is one container and its protocol, `reading` takes what it sends
over `attached`, and `engine` is the only door to Docker. `walls` (its system calls in `seccomp.json`) and `image` say
what a box is made of, `packages` what else goes into it. `probing` refuses a box with a hole in its walls, `proofs`
remembers of which boxes the slow half of that was shown, `owner` finds what a killed process left.
"""
