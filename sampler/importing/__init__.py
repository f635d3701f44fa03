"""Samples that others drew, as they published them, into a store.

A file is a line of JSON values (`files`). What a value holds is told by its fields (`formats`), and each format is one
pure function from a value to `Imported` samples, in a module of its own. `match` finds the problem that a sample
belongs to, `ready` makes of its text the program that is executed, and `into_store` adds what the store does not hold
yet, so that an import which was killed is finished by the same command.

Files are hostile and tell little. A cost that a file does not tell is not known, and stays so. A verdict that it tells
is a claim: it is kept beside ours, never in its place.
"""
