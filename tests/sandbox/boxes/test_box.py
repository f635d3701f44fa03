"""What a box is, seen from outside (its container) and from inside (a program that looks around)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import closing

import pytest

from sandbox.boxes.box import Box
from sandbox.boxes.container_config import LABEL, BoxSpec, container_body
from sandbox.boxes.docker_client import DockerClient
from sandbox.boxes.image import ensure_image
from sandbox.boxes.ownership import Owner
from sandbox.boxes.result_decoder import Claims, read_claims, read_facts
from sandbox.errors import BoxLost
from sandbox.inside import codec, wire
from sandbox.values import CallTest, CallTests, Comparison, Ending, Flag, Job, Limits, MemorySource, Program, Run

LIMITS = Limits(memory_mb=128, disk_mb=8, files=64)


@pytest.fixture(scope="module")
def box(engine: DockerClient) -> Iterator[Box]:
    spec = BoxSpec(image=ensure_image(engine, say=print), limits=LIMITS, owner=Owner.this().label())
    with closing(Box(engine, spec)) as opened:
        yield opened


def run(box: Box, source: str, *, stdin: bytes = b"", tests: str | None = None) -> Run:
    return box.run(Job(program=Program(source=source, tests=tests), stdin=stdin, limits=LIMITS))


def test_the_container_has_every_wall_that_docker_can_set() -> None:
    spec = BoxSpec(image="x", limits=LIMITS, owner="o")
    body = container_body(spec, 5000)
    host = body["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert set(host["CapAdd"]) == {"SETUID", "SETGID", "KILL"}
    assert host["NetworkMode"] == "none"
    assert host["IpcMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert {"/proc/kcore", "/proc/cmdline", "/sys/firmware"} <= set(host["MaskedPaths"])
    assert host["Memory"] == host["MemorySwap"]
    assert host["PidsLimit"] > LIMITS.processes
    assert host["LogConfig"] == {"Type": "none"}
    assert all("noexec" in options and "nr_inodes=64" in options for options in host["Tmpfs"].values())
    assert "mode=755" in host["Tmpfs"]["/run/box"], "nobody but process 1 writes there"
    assert "no-new-privileges:true" in host["SecurityOpt"]
    profile = json.loads(next(o for o in host["SecurityOpt"] if o.startswith("seccomp=")).partition("=")[2])
    assert profile["defaultAction"] == "SCMP_ACT_ERRNO"
    allowed = {name for rule in profile["syscalls"] for name in rule["names"] if rule["action"] == "SCMP_ACT_ALLOW"}
    forbidden = (
        "ptrace io_uring_setup memfd_create mount bpf keyctl unshare setns shmget mq_open mknod process_vm_readv "
        "splice "
        "seccomp personality pidfd_open inotify_init1 setpriority sched_setaffinity userfaultfd open_by_handle_at"
    )
    assert not allowed & set(forbidden.split())
    bare = {name for rule in profile["syscalls"] if not rule.get("args") for name in rule["names"]}
    filtered = "socket socketpair ioctl fcntl prctl clone sendmsg recvmsg sendto recvfrom"
    assert not bare & set(filtered.split())
    (mmap,) = (rule for rule in profile["syscalls"] if "mmap" in rule["names"])
    assert mmap["args"] == [{"index": 3, "value": 0x40000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}]  # no huge pages
    assert body["Labels"][LABEL] == "1"


@pytest.mark.docker
class TestFromInside:
    def test_a_program_sees_its_input_and_nothing_of_the_host(self, box: Box) -> None:
        source = "import os, sys; print(sys.stdin.read().upper()); print(sorted(os.environ)); print(os.getcwd())"
        lines = run(box, source, stdin=b"abc").stdout.decode().splitlines()
        assert lines[0] == "ABC"
        names = ("HOME", "HOSTNAME", "LANG", "LOGNAME", "PATH", "PYTHONHASHSEED", "PYTHON_CPU_COUNT", "TMPDIR", "USER")
        assert lines[1] == str([*names])
        assert lines[2] == "/tmp"

    def test_every_run_has_a_uid_of_its_own_and_no_capability(self, box: Box) -> None:
        source = "import os; print(os.getuid(), open('/proc/self/status').read())"
        first, second = (run(box, source).stdout.decode() for _ in range(2))
        assert first.split()[0] != second.split()[0]
        assert "CapPrm:\t0000000000000000" in first
        assert "CapBnd:\t00000000000000e0" in first  # SETUID, SETGID, KILL, which no_new_privs keeps out of reach
        assert "NoNewPrivs:\t1" in first
        assert "Seccomp:\t2" in first

    def test_the_image_holds_no_program_but_python_and_no_setuid_file(self, box: Box) -> None:
        source = """
import os, stat
for directory, _, names in os.walk('/'):
    if directory.startswith(('/proc', '/sys', '/dev')):
        continue
    for name in names:
        path = os.path.join(directory, name)
        mode = os.lstat(path).st_mode
        if stat.S_ISREG(mode) and (mode & 0o6000 or (mode & 0o111 and directory.endswith('bin'))):
            print(path)
"""
        found = run(box, source).stdout.decode().split()
        assert found
        assert all("python" in path for path in found), found

    def test_descriptors_of_others_are_closed(self, box: Box) -> None:
        source = "import os; print([fd for fd in range(3, 1024) if os.path.exists(f'/proc/self/fd/{fd}')])"
        assert run(box, source).stdout.decode().strip() == "[3, 4]"

    def test_output_up_to_the_cap_arrives_whole(self, box: Box) -> None:
        told = run(box, "import sys; sys.stdout.write('x' * (1 << 20)); sys.stderr.write('y' * 200_000)")
        assert (len(told.stdout), len(told.stderr), told.ending) == (1 << 20, 200_000, Ending.EXITED)

    def test_input_larger_than_a_pipe_arrives_whole_and_may_be_ignored(self, box: Box) -> None:
        data = b"line\n" * 1_000_000
        assert run(box, "import sys; print(len(sys.stdin.read()))", stdin=data).stdout == b"5000000\n"
        assert run(box, "print('done')", stdin=data).stdout == b"done\n"

    def test_a_script_ends_as_python_ends_it(self, box: Box) -> None:
        source = """
import atexit, threading, time
atexit.register(print, 'handler')
threading.Thread(target=lambda: (time.sleep(0.05), print('thread'))).start()
print('main', __name__)
"""
        assert run(box, source).stdout == b"main __main__\nthread\nhandler\n"
        assert run(box, "import sys; sys.exit('bye')").stderr == b"bye\n"
        assert run(box, "import sys; sys.exit(300)").exit_code == 300 % 256
        assert run(box, "exit()").proved

    def test_a_stream_of_its_own_is_flushed_while_the_program_finds_its_names(self, box: Box) -> None:
        source = """
import os, sys
class Stream:
    def __init__(self): self.kept = []
    def write(self, text): self.kept.append(text)
    def flush(self):
        os.write(1, ''.join(self.kept).encode())
        self.kept.clear()
sys.stdout = Stream()
print('kept')
"""
        assert run(box, source).stdout == b"kept\n"

    def test_honest_tools_work(self, box: Box) -> None:
        source = """
import asyncio, subprocess, sys, multiprocessing, tempfile, sqlite3, pickle, dataclasses, zoneinfo
@dataclasses.dataclass
class Point:
    x: int
def square(number): return number * number
assert pickle.loads(pickle.dumps(Point(1))) == Point(1)
assert asyncio.run(asyncio.sleep(0, 'slept')) == 'slept'
assert subprocess.run([sys.executable, '-c', 'print(5)'], capture_output=True).stdout == b'5\\n'
with multiprocessing.get_context('fork').Pool(2) as workers:
    assert workers.map(square, [1, 2]) == [1, 4]
with tempfile.NamedTemporaryFile('w') as file:
    file.write('x')
assert sqlite3.connect(':memory:').execute('select 1').fetchone() == (1,)
assert zoneinfo.ZoneInfo('Europe/Paris')
sys.setrecursionlimit(10**6)
def down(n): return n and down(n - 1)
assert down(50_000) == 0
"""
        told = run(box, source)
        assert told.proved, told.stderr.decode()

    def test_hashes_and_therefore_orders_are_the_same_in_every_run(self, box: Box) -> None:
        assert run(box, "print(hash('x'))").stdout == run(box, "print(hash('x'))").stdout

    def test_memory_of_other_programs_is_not_there(self, box: Box) -> None:
        run(box, "secret = 'aubergine' + '-marmalade'")
        source = """
import re
needle = re.compile(rb"[a]ubergin[e]' [+]")  # does not match its own text
found = 0
for line in open('/proc/self/maps'):
    span, mode = line.split()[:2]
    if 'r' in mode and 'w' in mode and '[v' not in line:
        begin, end = (int(part, 16) for part in span.split('-'))
        with open('/proc/self/mem', 'rb', 0) as memory:
            memory.seek(begin)
            data = memory.read(end - begin)
        found += len(needle.findall(data))
print(found)
"""
        assert run(box, source).stdout == b"0\n"

    def test_the_proof_does_not_come_before_the_tests_return(self, box: Box) -> None:
        assert run(box, "def f(): return 1", tests="assert f() == 1").proved
        assert not run(box, "def f(): return 1", tests="assert f() == 2").proved
        assert not run(box, "def f(): raise SystemExit", tests="f()").proved

    def test_cpu_seconds_of_the_whole_tree_are_counted(self, box: Box) -> None:
        source = """
import os, time
def burn():
    while time.process_time() < 0.2: pass
if os.fork() == 0:
    burn()
    os._exit(0)
os.wait()
reading, writing = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        burn()
    os._exit(0)
os.close(writing)
os.read(reading, 1)  # until the orphan has ended
"""
        assert run(box, source).cpu_s >= 0.38

    @pytest.mark.parametrize(
        "start",
        [
            "signal.signal(signal.SIGCHLD, signal.SIG_IGN); child = os.fork()",
            "clone = 56 if HERE == 'x86_64' else 220; child = libc.syscall(clone, 0x8000 | signal.SIGCHLD, 0, 0, 0, 0)",
        ],
    )
    def test_cpu_seconds_of_those_that_nobody_waits_for_are_counted_too(self, box: Box, start: str) -> None:
        source = f"""
import ctypes, os, signal, time
libc, HERE = ctypes.PyDLL(None), os.uname().machine
reading, writing = os.pipe()
{start}
if child == 0:
    while time.process_time() < 0.3: pass
    os._exit(0)
os.close(writing)
os.read(reading, 1)
time.sleep(0.02)
"""
        assert run(box, source).cpu_s >= 0.28

    def test_memory_of_the_whole_tree_is_measured_and_the_source_is_named(self, box: Box) -> None:
        """Four processes with 20 MB each. The first time that is a new mark for the box, the second time it is not."""
        source = """
import os, time
(ready, says), (open_, gate) = os.pipe(), os.pipe()
for _ in range(4):
    if os.fork() == 0:
        os.close(gate)
        held = bytearray(os.urandom(1)) * (20 << 20)
        os.write(says, b"x")
        os.read(open_, 1)
        os._exit(0)
for _ in range(4):
    os.read(ready, 1)
time.sleep(0.5)  # so that all of it is looked at
os.close(gate)
for _ in range(4):
    os.wait()
"""
        exact, seen = run(box, source), run(box, source)
        assert exact.memory_source is MemorySource.CGROUP
        assert seen.memory_source in {MemorySource.SAMPLED, MemorySource.CGROUP}
        late_mb = 8  # what the kernel may still hold of the program before; it counts as held when a visit begins
        for told in (exact, seen):
            assert 80 - late_mb <= told.memory_mb <= 110

    def test_of_one_process_the_peak_is_its_own(self, box: Box) -> None:
        told = run(box, "held = bytearray(b'x') * (30 << 20); del held")
        assert 30 <= told.memory_mb <= 60

    def test_standard_streams_can_be_opened_by_name_and_written_to_the_end(self, box: Box) -> None:
        source = (
            "print(open('/dev/stdin').read()); open('/dev/stdout', 'w').write('x'); open('/dev/stderr', 'w').write('y')"
        )
        told = run(box, source, stdin=b"abc")
        assert told.stderr == b"y"
        assert sorted(told.stdout) == sorted(b"abc\nx")
        assert run(box, "w = open(1, 'w', closefd=False); w.write('kept')").stdout == b"kept"
        assert run(box, "import sys; print('a'); sys.stdout = open('/dev/null', 'w')").stdout == b"a\n"

    def test_leftovers_are_flagged_and_gone(self, box: Box) -> None:
        told = run(box, "open('a', 'w').close(); import os; os.fork() or __import__('time').sleep(100)")
        assert told.flags == {Flag.LEFTOVER_FILES, Flag.LEFTOVER_PROCESSES}
        assert run(box, "import os; print(os.listdir('/tmp'), os.listdir('/dev/shm'))").stdout == b"['main.py'] []\n"


def test_a_job_with_other_walls_is_refused(box: Box) -> None:
    with pytest.raises(ValueError, match="made for"):
        box.run(Job(program=Program(source=""), limits=Limits(memory_mb=999)))


FACTS: dict[str, wire.Value] = {
    "ending": "exited", "status": 0, "cpu_s": 0.1, "wall_s": 0.1, "waited_s": 0.0, "peak_kb": 2048,
    "memory_source": "rusage",
    "stdout": b"", "stderr": b"",
    "answers": b"", "flags": [], "clean": True,
}  # fmt: skip


@pytest.mark.parametrize(
    "wrong",
    [
        {"ending": "passed"},
        {"memory_source": "hearsay"},
        {"status": True},
        {"cpu_s": "0"},
        {"flags": ["proved"]},
        {"stdout": "text"},
        {"answers": None},
    ],
)
def test_facts_of_the_wrong_kind_are_our_fault_not_a_verdict(wrong: dict[str, wire.Value]) -> None:
    with pytest.raises(BoxLost):
        read_facts(FACTS | wrong, "proof")
    assert read_facts(FACTS, "proof").memory_mb == 2


def claim(value: object) -> bytes:
    return wire.frame(wire.encode(value))


def test_only_the_right_proof_counts_and_garbage_is_silence() -> None:
    described = {"stage": "tests", "type": "KeyError", "message": "x", "line": 3}
    assert read_claims(claim({"proof": "abc"}), "abc", 2).proved
    assert not read_claims(claim({"proof": "abd"}), "abc", 2).proved
    told = read_claims(claim(described), "abc", 2).raised
    assert told is not None
    assert told.type == "KeyError"
    shapes: list[object] = [
        [1],
        described | {"stage": "judged"},
        described | {"x": 1},
        described | {"line": [3]},
        {"raised": {"a": {}}},
    ]
    for garbage in (b"\xff" * 100, b"", *map(claim, shapes), b"\x00\x00\x00\x01"):
        assert read_claims(garbage, "abc", 2) == Claims()


def test_answers_count_in_the_order_of_the_calls_and_only_once() -> None:
    def answer(number: int, value: object) -> bytes:
        return claim({"call": number, "value": codec.encode(value)})

    told = read_claims(answer(0, 1) + answer(2, 9) + answer(0, 5) + answer(1, 2), "p", 2).answers
    assert [one.value for one in told] == [1, 2]
    assert read_claims(answer(0, 1), "p", 0).answers == [], "no call was asked"
    assert read_claims(claim({"call": 0, "value": b"@"}) + claim({"call": 0, "value": "x"}), "p", 2).answers == []


def batch(first: object, *values: object, cut: int = 0) -> bytes:
    answers = [codec.encode_answer(value) for value in values]
    sizes = b"".join(len(answer).to_bytes(4, "big") for answer in answers)
    joined = b"".join(answers)
    return claim({"call": first, "sizes": sizes, "values": joined[: len(joined) - cut]})


def test_answers_in_batches_count_in_the_order_of_the_calls_and_only_once() -> None:
    def told(*claims: bytes, calls: int = 4) -> list[object]:
        return [one.value for one in read_claims(b"".join(claims), "p", calls).answers]

    assert told(batch(0, 1, [2]), batch(2, "c")) == [1, [2], "c"]
    assert told(batch(0, 1, 2), batch(0, 1, 2, 3), batch(1, 9, 9, 4)) == [1, 2, 3, 4], "a forked child says it again"
    assert told(batch(1, 5), batch(0, 1), batch(2, 3)) == [1], "a gap"
    assert told(batch(0, 1, 2, 3), calls=2) == [1, 2]
    assert told(batch(0, 1, "long", cut=2), batch(1, 2)) == [1, 2], "an answer that was cut off is none"
    assert told(batch(-1, 1), batch("0", 1), claim({"call": 0, "sizes": b"123", "values": b"~N"})) == []
    assert told(claim({"call": 0, "sizes": b"\xff" * 4, "values": b"~N"}), batch(0, None)) == [None]
    assert told(batch(-2, 7, 8, 9)) == []


def test_an_answer_of_known_bytes_is_the_known_one_and_any_other_is_read() -> None:
    cases = [
        CallTest(function="f", arguments=(), comparison=Comparison.EQUAL, expected=value) for value in ([1], math.nan)
    ]
    known = CallTests(cases=tuple(cases), source="", arranged=(0, 1)).calls.first(2).known
    data = batch(0, [1], math.nan)
    first, second = read_claims(data, "p", 2, known=known).answers
    assert first is known[0]
    assert second is not known[1], "a NaN equals nothing, so it is never known"
    assert [one.value for one in read_claims(batch(0, [2]), "p", 2, known=known).answers] == [[2]]


@pytest.mark.parametrize("expected", [[math.nan], (math.nan, [math.nan])])
def test_no_bytes_are_no_answer_where_none_are_known(expected: object) -> None:
    known = in_order(
        [CallTest(function="f", arguments=(), comparison=Comparison.EQUAL, expected=expected)]
    ).calls.first(1)
    assert known.known[0].data == b""
    batch_of_nothing = claim({"call": 0, "sizes": bytes(4), "values": b""})
    for nothing in (batch_of_nothing, claim({"call": 0, "value": b""})):
        assert read_claims(nothing, "p", 1, known=known.known).answers == []


def in_order(cases: list[CallTest]) -> CallTests:
    return CallTests(cases=tuple(cases), source="", arranged=tuple(range(len(cases))))


@pytest.mark.docker
class TestAnswersOnTheirWay:
    def ask(self, box: Box, body: str, calls: int = 6) -> Run:
        cases = [CallTest(function="f", arguments=(n,), comparison=Comparison.EQUAL, expected=n) for n in range(calls)]
        program = Program(source=f"def f(n):\n    {body}\n    return n", tests=in_order(cases))
        return box.run(Job(program=program, limits=LIMITS))

    def values(self, told: Run) -> list[object]:
        return [one.raised.type if one.raised else one.value for one in told.answers]

    def test_an_exception_stands_in_its_place_among_the_answers(self, box: Box) -> None:
        assert self.values(self.ask(box, "1 / (n - 2)")) == [0, 1, "ZeroDivisionError", 3, 4, 5]

    def test_what_was_answered_before_the_end_is_kept(self, box: Box) -> None:
        told = self.ask(box, "if n == 3: raise KeyboardInterrupt")
        assert (self.values(told), told.proved) == ([0, 1, 2], False)

    def test_leaving_by_system_exit_is_an_answer(self, box: Box) -> None:
        assert self.values(self.ask(box, "if n == 3: raise SystemExit")) == [0, 1, 2, "SystemExit", 4, 5]

    def test_slow_answers_leave_at_once_so_a_death_does_not_take_them(self, box: Box) -> None:
        told = self.ask(box, "import os, time; time.sleep(0.005)\n    if n == 3: os._exit(0)")
        assert (self.values(told), told.proved) == ([0, 1, 2], False)

    def test_a_child_that_leaves_through_our_code_does_not_disturb_the_order(self, box: Box) -> None:
        told = self.ask(box, "import os\n    if n == 3:\n        if not os.fork(): raise SystemExit\n        os.wait()")
        assert (self.values(told), told.proved) == ([0, 1, 2, 3, 4, 5], True)

    def test_many_small_and_a_few_large_answers_arrive(self, box: Box) -> None:
        assert self.values(self.ask(box, "pass", calls=3000)) == list(range(3000))
        told = self.ask(box, "n = [n] * 30_000", calls=10)
        assert self.values(told) == [[n] * 30_000 for n in range(10)]
