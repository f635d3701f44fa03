"""Many machines: one pool over the nodes of a Ray cluster.

`pool` is what callers see: the interface of one machine's pool and scorer. `dispatcher` owns what happens behind it;
`schedule` decides which node runs what. `messages` are what driver and nodes send each other; `node` is the process on
each node, which owns a pool there; `image_transfer` gives all nodes the same image. `ray_client` is the one module that
knows Ray.

In the worst case a node vanishes with everything on it: then its programs are asked elsewhere, and what it would have
answered is never heard. A program gets one verdict, from whichever node answers first, or an exception of ours.
"""
