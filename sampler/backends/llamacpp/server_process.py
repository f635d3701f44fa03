"""The engine's own process: `python -m sampler.backends.llamacpp.server_process OPTIONS-AS-JSON`.

It loads one model, serves it over HTTP on a free port of 127.0.0.1, writes the port as one line of JSON to its standard
output, and runs until its standard input ends. The kernel closes that pipe however the parent dies, so no engine
outlives a killed study.

It is a separate process, because an engine that aborts must not end the study, and because OpenMP reads its settings
once. By default OpenMP's idle threads spin, which slows the engine about thirty times if a busy sandbox shares the
cores. PASSIVE lets them sleep.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
from importlib import metadata
from typing import IO, Any


def main() -> None:
    """Serve until the parent has ended."""
    answer = _take_stdout()
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.putenv("OMP_WAIT_POLICY", "PASSIVE")  # before the import: libgomp looks while it is loaded
    try:
        import xllamacpp
    except ImportError as error:
        _say(answer, {"missing": str(error)})
        return
    try:
        server = _serve(xllamacpp, json.loads(sys.argv[1]))
    except (RuntimeError, ValueError) as error:
        _say(answer, {"error": str(error)})
        return
    _say(answer, {"address": server.listening_address, "version": metadata.version("xllamacpp")})
    threading.Event().wait()


def _serve(xllamacpp: Any, options: dict[str, Any]) -> Any:
    """Start the server and return it; it stops with the process."""
    params = xllamacpp.CommonParams()
    params.model.path = options["path"]
    params.n_parallel = options["slots"]
    params.n_ctx = options["context"]
    params.kv_unified = True  # one pool of cells: the samples of a prompt share its part
    params.cpuparams.n_threads = options["threads"]
    params.cpuparams_batch.n_threads = options["threads"]
    if template := options.get("chat_template"):
        params.chat_template = template
    if opened := options.get("opened"):  # a field of a request is not heard
        params.sampling.generation_prompt = opened
    params.port = 0
    params.verbosity = 0
    return xllamacpp.Server(params)


def _take_stdout() -> IO[str]:
    """Reserve standard output for our line; what the engine prints goes to standard error."""
    ours = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(ours, "w", encoding="utf-8")


def _exit_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os._exit(0)


def _say(answer: IO[str], message: dict[str, str]) -> None:
    answer.write(json.dumps(message) + "\n")
    answer.flush()


if __name__ == "__main__":
    main()
