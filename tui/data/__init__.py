"""Read what is shown: snapshots of a store, and what a screen requests beyond them. Nothing here draws.

`store_watcher` posts snapshots and `query_worker` answers requests, each on a thread of its own. `curves`,
`failure_groups` and `sample_index` make from the store what their screens show; `export` writes it to files.
"""
