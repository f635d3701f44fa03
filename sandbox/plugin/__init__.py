"""Use our boxes in another harness: `inspect_provider` for inspect_ai, `python_command` for its command lines."""
