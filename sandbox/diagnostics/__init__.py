"""Check for the user whether this machine and its boxes are fit to run hostile programs.

`doctor` reads versions, `selftest` runs the attacks of `tests/escapes`, and `language_attacks` those in other languages
than Python.
"""
