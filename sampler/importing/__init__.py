"""Samples that others drew, as they published them, into a store.

A file is a line of JSON values (`files`). Its first value tells the format, and each format has a pure function from a
value to `Imported` samples (`formats`). `prepare` finds the problem that a sample belongs to and makes of its text the
program that is executed. `importer` adds what the store does not hold yet, so an import that was killed is finished by
the same command.

Files are hostile and tell little. A cost that a file does not tell is not known, and stays so. A verdict that it tells
is a claim: it is kept beside ours, never in its place.
"""
