"""Coverage-guided fuzzing of everything on the host that reads bytes from a box.

A candidate may write what it likes into its pipes, so four readers meet hostile bytes: `codec.decode`, `wire.decode`,
`wire.FrameBuffer` and `result_decoder.read_claims`. Hypothesis draws what we can imagine; libFuzzer (by way of atheris)
keeps every input that reaches a new branch and mutates that, and so walks into states that nobody imagined. Of each
input the first byte chooses the reader, and the rest is what it reads. For every input of at most 64 KB must hold:

    codec    only CodecError is raised; what was decoded can be encoded; that decodes to the same again, or is refused
    wire     only WireError is raised; what was decoded encodes to the very bytes that were read frames   only WireError
    is raised; the same payloads, whether the bytes come at once or in pieces; nothing is invented claims   nothing is
    raised; no more answers than calls answer   the same, with the input as the value of a well-formed claim, since
    chance seldom gets through three envelopes all      less than 1 s of CPU and less than 64 MB more memory at the
    peak, for one input

A finding does not stop the run: the first input of each kind is kept in the corpus's folder `findings` and shown at the
end; then the exit status is 1. Silence proves nothing beyond the executions that are counted.

    python tests/bench/fuzz.py [--seconds 180] [--corpus DIR]

atheris has no place among the project's dependencies. A separate environment is enough:

    python3.11 -m venv fuzzing && fuzzing/bin/pip install atheris -e . && fuzzing/bin/python tests/bench/fuzz.py
"""

from __future__ import annotations

import argparse
import hashlib
import re
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

try:
    import atheris  # type: ignore[import-untyped]  # lives in an environment of its own, see above
except ImportError:
    sys.exit(
        "atheris is not installed in this environment. It needs one of its own, with this project in it:\n"
        "    python3.11 -m venv fuzzing\n"
        "    fuzzing/bin/pip install atheris -e .\n"
        "    fuzzing/bin/python tests/bench/fuzz.py"
    )

with atheris.instrument_imports(include=["sandbox"]):
    from sandbox.boxes import result_decoder
    from sandbox.inside import codec, wire

MAX_INPUT = 64 << 10
MAX_SECONDS = 1.0
MAX_GROWTH_KB = 64 << 10
PROOF, CALLS = "proof", 3
DONE = re.compile(r"#(\d+)\s+DONE\s+cov: (\d+) ft: (\d+) corp: (\d+)/(\S+)")


class Broken(Exception):
    """A property that does not hold."""


def written(value: object) -> str:
    """A text that is the same for two values only if they are the same, NaN and the order of sets included."""
    match value:
        case set() | frozenset():
            return f"{type(value).__name__}{sorted(map(written, value))}"
        case dict():
            return f"{type(value).__name__}{[(written(key), written(item)) for key, item in value.items()]}"
        case list() | tuple() | deque():
            return f"{type(value).__name__}{getattr(value, 'maxlen', '')}{[written(item) for item in value]}"
        case float():
            return value.hex()
        case int():
            return f"{type(value).__name__} {value:x}"
        case Fraction():
            return f"Fraction {value.numerator:x}/{value.denominator:x}"
        case range():
            return f"range {value.start:x} {value.stop:x} {value.step:x}"
        case _:
            return f"{type(value).__name__} {value!r}"


def read_codec(data: bytes) -> None:
    try:
        value = codec.decode(data)
    except codec.CodecError:
        return
    encoded = codec.encode(value)
    try:
        again = codec.decode(encoded)
    except codec.CodecError:
        return
    if codec.encode(again) != encoded and written(codec.decode(codec.encode(again))) != written(again):
        raise Broken("a decoded value does not survive being encoded")


def read_wire(data: bytes) -> None:
    try:
        value = wire.decode(data)
    except wire.WireError:
        return
    if wire.encode(value) != data:
        raise Broken("bytes are accepted that encode would not have written")


def drained(pieces: list[bytes]) -> tuple[list[bytes], bool]:
    """The payloads in the pieces, and whether a length over the cap ended them."""
    buffer, payloads = wire.FrameBuffer(MAX_INPUT // 2), []
    for piece in pieces:
        buffer.feed(piece)
        try:
            while (payload := buffer.next()) is not None:
                payloads.append(payload)
        except wire.WireError:
            return payloads, True
    return payloads, False


def read_frames(data: bytes) -> None:
    step, data = (data[0] + 1, data[1:]) if data else (1, data)
    payloads, refused = drained([data])
    if drained([data[at : at + step] for at in range(0, len(data), step)]) != (payloads, refused):
        raise Broken("pieces give other payloads than the whole")
    if not data.startswith(b"".join(map(wire.frame, payloads))):
        raise Broken("payloads that were not sent")


def read_claims(data: bytes) -> None:
    claims = result_decoder.read_claims(data, PROOF, CALLS)
    if len(claims.answers) > CALLS:
        raise Broken("more answers than calls")


def read_answer(data: bytes) -> None:
    read_claims(wire.frame(wire.encode({"call": 0, "value": data, "arguments": data})))


READERS: dict[str, Callable[[bytes], None]] = {
    "codec": read_codec,
    "wire": read_wire,
    "frames": read_frames,
    "claims": read_claims,
    "answer": read_answer,
}


def checked(reader: Callable[[bytes], None], data: bytes) -> None:
    peak, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    reader(data)
    seconds = time.process_time() - began
    growth = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak
    if seconds > MAX_SECONDS:
        raise Broken(f"too slow: {seconds:.2f} s for {len(data)} bytes")
    if growth > MAX_GROWTH_KB:
        raise Broken(f"too large: {growth} kB for {len(data)} bytes")


def reader_of(data: bytes) -> tuple[str, bytes]:
    return list(READERS)[data[0] % len(READERS)], data[1:]


class Finder:
    """Tries inputs and keeps the first of each kind of finding."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: set[tuple[str, ...]] = set()

    def __call__(self, data: bytes) -> None:
        if not data:
            return
        name, rest = reader_of(data)
        try:
            checked(READERS[name], rest)
        except Exception as error:  # whatever it is, it is a finding
            place = traceback.extract_tb(error.__traceback__)[-1]
            kind = (name, type(error).__name__, f"{Path(place.filename).name}:{place.lineno}")
            if kind not in self._seen:
                self._seen.add(kind)
                self._keep(data, f"{' '.join(kind)}: {error}")

    def _keep(self, data: bytes, what: str) -> None:
        stem = self._folder / hashlib.sha256(data).hexdigest()[:16]
        stem.with_suffix(".bin").write_bytes(data)
        stem.with_suffix(".txt").write_text(what[:500], encoding="utf-8", errors="backslashreplace")


def seed_values() -> list[object]:
    """At least one value of every type that the codec knows, and some that candidates return."""
    scalars = [
        None,
        True,
        False,
        0,
        -1,
        255,
        10**40,
        0.5,
        float("nan"),
        -0.0,
        1j,
        "",
        "é\udc80",
        b"\0\xff",
        Decimal("-1.5e3"),
    ]
    times = [
        date(2024, 2, 29),
        datetime(2024, 1, 2, 3, 4, 5, 6, UTC),
        timedelta(-1, 5, 7),
        datetime(1, 1, 1, tzinfo=UTC).timetz(),
    ]
    sets = [{1, 2, "a"}, frozenset({(1, 2), None}), {1: [2], "k": {"deep": ()}}, OrderedDict(a=1), Counter("hello")]
    others = [
        defaultdict(None, {1: 2}),
        deque([1, 2], 5),
        deque("ab"),
        range(1, 9, 2),
        Fraction(3, 7),
        codec.Spoof("L"),
    ]
    nested: object = 1
    for _ in range(99):
        nested = [nested]
    lists = [[1, 2, 3], (1, (2, [3])), [0] * 300, nested, iter([1, 2]), codec.Opaque("object"), ["x" * 1000]]
    return [*scalars, *times, *sets, *others, *lists]


def seed_claims() -> list[dict[str, object]]:
    answers = [{"call": at % CALLS, "value": codec.encode(value)} for at, value in enumerate(seed_values())]
    raised = {"stage": "tests", "type": "ValueError", "message": "no", "line": 3}
    asked = {"asked": codec.encode(("f", (1, 2), {"k": 3})), "missed": 1}
    after = {"call": 0, "value": codec.encode([1]), "arguments": codec.encode(([1],))}
    return [*answers, after, raised, {"call": 0, "raised": raised}, asked, {"blamed": 1}, {"proof": PROOF}]


def seeds() -> list[bytes]:
    claims = [wire.frame(wire.encode(claim)) for claim in seed_claims()]
    plain: list[object] = [None, True, 0, -12, 10**100, 1.5, "é", b"\0", [1, [2, "a"]], {"a": 1, "b": [None]}]
    payloads = [*map(wire.encode, plain), *(claim[4:] for claim in claims[-8:])]
    encoded = [codec.encode(value) for value in seed_values()]
    read: dict[str, list[bytes]] = {
        "codec": encoded,
        "wire": payloads,
        "frames": [bytes([step]) + b"".join(map(wire.frame, payloads)) for step in (0, 2, 255)],
        "claims": [*claims, b"".join(claims[:3]), b"".join(claims[-6:])],
        "answer": [codec.encode(value) for value in seed_values()],
    }
    return [bytes([number]) + data for number, name in enumerate(READERS) for data in read[name]]


def fuzz(folder: Path, seconds: int) -> None:
    """Never returns: libFuzzer ends the process."""
    words = [
        f"-max_total_time={seconds}",
        f"-max_len={MAX_INPUT + 2}",
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-len_control=20",
    ]
    words += [f"-artifact_prefix={folder}/findings/", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *words, str(folder / "inputs")], Finder(folder / "findings"))
    atheris.Fuzz()


def watched(folder: Path, seconds: int) -> str:
    """What libFuzzer said, in a process of its own; shown as it comes."""
    words = [sys.executable, __file__, "--inside", "--seconds", str(seconds), "--corpus", str(folder)]
    said: list[str] = []
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, errors="replace") as child:
        assert child.stderr is not None
        for line in child.stderr:
            said.append(line)
            if not re.match(r"#\d+\s+(NEW|REDUCE)", line):
                print(line, end="", flush=True)
    return "".join(said)


def show(folder: Path, said: str) -> int:
    """The numbers and the findings; 1 if there are any, or if the run did not come to its end."""
    done = DONE.search(said)
    if done is None:
        print("the run did not come to its end")
    else:
        executions, branches, features, inputs, size = done.groups()
        print(f"\n{executions} executions, coverage {branches}, {features} features, corpus {inputs} inputs of {size}")
    kept = sorted(path for path in (folder / "findings").iterdir() if path.suffix != ".txt")
    for path in kept:
        what, data = path.with_suffix(".txt"), path.read_bytes()
        print(f"\nfinding {path.name}: {what.read_text(encoding='utf-8') if what.exists() else 'stopped the run'}")
        print(f"  {len(data)} bytes, the first chooses the reader: {data[:120]!r}{' …' if len(data) > 120 else ''}")
    print(f"\n{len(kept)} findings")
    return int(bool(kept) or done is None)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--seconds", type=int, default=180)
    options.add_argument("--corpus", type=Path, help="a folder that keeps inputs and findings; else a temporary one")
    options.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    chosen = options.parse_args()
    folder: Path = chosen.corpus or Path(tempfile.mkdtemp(prefix="fuzz-"))
    if chosen.inside:
        fuzz(folder, chosen.seconds)
        return
    for part in ("inputs", "findings"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for seed in seeds():
        (folder / "inputs" / hashlib.sha256(seed).hexdigest()).write_bytes(seed)
    print(f"inputs and findings in {folder}", flush=True)
    sys.exit(show(folder, watched(folder, chosen.seconds)))


if __name__ == "__main__":
    main()
