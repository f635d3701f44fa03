"""The scoring engine's own process: `python -m sampler.backends.llamacpp.scoring_process OPTIONS-AS-JSON`.

It loads one model, says so in one line of JSON on its standard output, and then answers each line of JSON on its
standard input with one line. It ends when its input ends; the kernel closes the pipe however the parent dies.
`server_process` gives the reasons for a separate process and for sleeping idle threads.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from importlib import metadata
from pathlib import Path
from typing import IO, Any


def main() -> None:
    """Answer until the parent has ended."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever the engine prints
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.putenv("OMP_WAIT_POLICY", "PASSIVE")  # before the library: libgomp looks while it is loaded
    try:
        import xllamacpp

        from sampler.backends.llamacpp.ctypes_binding import Engine, library
    except ImportError as error:
        _say(answers, {"missing": str(error)})
        return
    options = json.loads(sys.argv[1])
    shared = next(Path(xllamacpp.__file__).parent.glob("xllamacpp*.so"))
    try:
        engine = Engine(library(shared), options["path"], context=options["context"], threads=options["threads"])
    except (RuntimeError, OSError) as error:
        _say(answers, {"error": str(error)})
        return
    _say(answers, {"version": metadata.version("xllamacpp")})
    for line in sys.stdin:
        try:
            _say(answers, _answer(engine, json.loads(line)))
        except (RuntimeError, ValueError) as error:
            _say(answers, {"error": str(error)})


def _answer(engine: Any, asked: dict[str, Any]) -> dict[str, Any]:
    prompt = engine.tokens(asked["prompt"], begins=True, marks=asked["marks"])
    completion = engine.tokens(asked["completion"], begins=False, marks=False)
    nlls = engine.nlls(prompt, completion) if completion else []
    return {"prompt_tokens": len(prompt), "nlls": nlls}


def _say(answers: IO[str], message: dict[str, Any]) -> None:
    answers.write(json.dumps(message) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
