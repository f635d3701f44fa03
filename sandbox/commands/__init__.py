"""Define the commands of `sandbox`, by what they work on.

Each command is imported when it runs (`lazy_commands`). `common`, `exit_codes`, `problem_options` and `files` hold
what they share.
"""
