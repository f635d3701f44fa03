"""Use our boxes from other harnesses.

`inspect_provider` is for inspect_ai, `python_command` for its command lines, `mcp_server` for agents that speak the
Model Context Protocol.
"""
