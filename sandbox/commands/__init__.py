"""The commands of `sandbox`, by what they work on.

Each is imported when it is run (`lazy_commands`). `common`, `exit_codes`, `problem_options` and `files` hold what
they share.
"""
