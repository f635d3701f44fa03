"""Run engines behind one protocol: `base` defines it, and only `open` maps names to classes.

`llamacpp` and `vllm` run engines in processes of their own, `openai` asks servers, `replay` reads recorded samples.
`replicas` draws with several engines on a cluster, on the nodes that `replica_placement` has reserved.
"""
