"""llama.cpp in a process of its own: sampling over a local connection, and scoring of given texts."""
