"""Our boxes inside another harness: `inspect_provider` for inspect_ai, `python_command` for its command lines."""
