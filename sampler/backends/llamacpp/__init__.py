"""Run llama.cpp in its own process: sampling over a local connection, and scoring of given texts."""
