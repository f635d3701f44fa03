"""Run programs of other languages than Python: compile them in one box, run them in another.

`LanguageVisits` replaces `Visits` for such a program. So every strategy that runs whole programs scores
them as it scores Python's, and the same judge decides. A program that does not compile has one run for all of its
cases: that of the compiler, with the compiler's first message and the stage `compile`.

`Compiler` keeps what was compiled, by a digest of the language, the image, the command and the files: clients that
send the cases of a program one by one pay for one compilation. What a compiler refused is kept as well. What took too
long is not, because it may be the machine's fault.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

from sandbox.boxes.box_supply import BoxRole
from sandbox.boxes.container_config import CommandWalls
from sandbox.boxes.conversation import Partner
from sandbox.boxes.image import ImageSpec
from sandbox.boxes.pool import Pool, WorkerBoxes
from sandbox.languages import Compile, Language, find_language
from sandbox.scoring.strategy import Visits
from sandbox.values import (
    PYTHON,
    Command,
    Compilation,
    Ending,
    Files,
    Job,
    Limits,
    Program,
    Raised,
    Run,
    Stage,
)

CACHED_BYTES = 256 << 20
FULL = 0.9  # a runtime that has failed with this share of its memory in use has failed for want of memory
MAX_MESSAGE = 500
_PLACE = re.compile(r"^[^\s:(]{1,200}[:(](\d{1,9})\b")
_ERROR = re.compile(r"\berror\b|^[^\s:]+\.\w+:\d+", re.IGNORECASE)
_SAID = re.compile(
    r"\berror(?:\[\w+\])?:|^\w*Error:", re.IGNORECASE
)  # before warnings, and before the source line that Node shows
_POINTER = re.compile(r"^\s*-->\s*[^:]+:(\d{1,9})")


@dataclass(slots=True)
class Compiler:
    """Compiles programs for the threads of one pool, and keeps what they have become."""

    pool: Pool
    _kept: OrderedDict[str, Future[Compilation]] = field(default_factory=OrderedDict)
    _bytes: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def compile(self, language: Language, how: Compile, job: Job, boxes: WorkerBoxes, prefix: str = "") -> Compilation:
        """Return what a job's program compiles to, from memory if it is there.

        One of several threads that ask for the same program compiles it; the others wait. Raises a SandboxError.
        """
        role = compile_role(self.pool, how, prefix)
        command = _compile_command(language, how, job.program)
        key = _key(role, command)
        while True:
            with self._lock:
                known = self._kept.get(key)
                if known is None:
                    known = self._kept[key] = Future()
                    break
                self._kept.move_to_end(key)
            with contextlib.suppress(Exception):  # the other thread gets it; this one tries for itself
                return replace(known.result(), cached=True)
        try:
            program = replace(job.program, tests=None, selection=None)
            work = Job(program=program, limits=how.limits, command=command, isolation=job.isolation)
            found = Compilation(run=boxes.visit(role, work))
        except BaseException as error:
            self._forget(key, known)
            known.set_exception(error)
            raise
        known.set_result(found)
        if found.run.ending is Ending.EXITED:
            self._keep(found)
        else:
            self._forget(key, known)
        return found

    def _forget(self, key: str, known: Future[Compilation]) -> None:
        with self._lock:
            if self._kept.get(key) is known:
                del self._kept[key]

    def _keep(self, found: Compilation) -> None:
        """Count what is kept; forget the oldest beyond the limit."""
        with self._lock:
            self._bytes += found.size
            while self._bytes > CACHED_BYTES and len(self._kept) > 1:
                key, oldest = next(iter(self._kept.items()))
                if not oldest.done():
                    break
                del self._kept[key]
                self._bytes -= oldest.result().size


def compile_role(pool: Pool, how: Compile, prefix: str = "") -> BoxRole:
    """Return the role of the boxes that compile with an image; roles of other prefixes share no box."""
    image = pool.image_of(ImageSpec(toolchain=how.image))
    return BoxRole(f"{prefix}compiler", image, _only_walls(how.limits), CommandWalls())


def run_role(pool: Pool, language: Language, limits: Limits, prefix: str = "") -> BoxRole:
    """Return the role of the boxes that run programs of a language under such limits; see `compile_role`."""
    image = None if language.image is None else pool.image_of(ImageSpec(toolchain=language.image))
    walls = CommandWalls(executable=language.native, added_mb=language.added_mb)
    return BoxRole(f"{prefix}program", image, _only_walls(limits), walls)


def _only_walls(limits: Limits) -> Limits:
    """Return limits that are equal for all programs that may share a box."""
    disk_mb, files = limits.walls
    return Limits(disk_mb=disk_mb, files=files)


def _compile_command(language: Language, how: Compile, program: Program) -> Command:
    """Return the command that compiles a program; what lies beside the program does so here, too, such as a header."""
    source = program.source
    own = {language.file_name(source): encoded(source), **dict(how.files)}
    beside = [(name, content) for name, content in program.workspace.files if name not in own]
    return Command(
        words=language.words(how.command, source, how.limits.memory_mb),
        environment=language.variables(how.environment),
        sources=(*own.items(), *beside),
        collect=True,
    )


def _key(role: BoxRole, command: Command) -> str:
    parts = [str(role.image), *command.words, repr(sorted(command.environment.items()))]
    total = hashlib.sha256()
    files = (part for name, content in command.sources for part in (name.encode(), content))
    for part in (*(text.encode() for text in parts), *files):
        total.update(len(part).to_bytes(8, "big") + part)
    return total.hexdigest()


def build_images(pool: Pool, languages: Iterable[Language]) -> None:
    """Build the images of languages, where they are missing or stale."""
    for spec in images_of(languages):
        pool.image_of(spec)


def images_of(languages: Iterable[Language]) -> list[ImageSpec]:
    """Return the images that programs of these languages need beside Python's, each once."""
    toolchains = dict.fromkeys(one for language in languages for one in (language.toolchain, language.image))
    return [ImageSpec(toolchain=toolchain) for toolchain in toolchains if toolchain is not None]


def scaled(limits: Limits, language: str) -> Limits:
    """Return the limits of a program of a language, where `limits` were set for any; raises ValueError."""
    found = find_language(language)
    return limits if found is None else found.limits(limits)


def encoded(source: str) -> bytes:
    """Return a program's text as the bytes of its file."""
    return source.encode("utf-8", "surrogatepass")


class Translated:
    """One program of another language: compiled when it is first run, and once for each text that is run.

    `compile_s` limits the wall seconds of that (None: the language says it). `prefix` names boxes of its own, in which
    no candidate's program runs.
    """

    def __init__(self, compiler: Compiler, program: Program, compile_s: float | None = None, prefix: str = "") -> None:
        """Raise ValueError for Python, and for a language that is not known."""
        language = find_language(program.language)
        if language is None:
            raise ValueError(f"{PYTHON} programs are run by the boxes' own interpreter")
        self.language = language
        self.compilation: Compilation | None = None
        self._compiler, self._compile_s, self._syntax_checked = compiler, compile_s, False
        self._prefix, self._compiled = prefix, ""
        self._refused: Raised | None = None

    def run(self, job: Job, boxes: WorkerBoxes, partner: Partner | None = None) -> Run:
        """Compile the program, if it needs that, and run it; returns the compiler's run if that failed.

        With a partner, the program talks with that one.
        """
        source, how = job.program.source, self._how()
        product: Files = ((self.language.file_name(source), encoded(source)),)
        if how is not None:
            if self.compilation is None or self._compiled != source:
                self.compilation = self._compiler.compile(self.language, how, job, boxes, self._prefix)
                self._compiled = source
            if not self.compilation.run.product:
                return _failed(self.compilation.run)
            product = self.compilation.run.product
        run = self._visit(job, self.language.run, product, boxes, partner)
        if run.ending is Ending.EXITED and run.exit_code and (refused := self._refusal(job, product, boxes)):
            return replace(run, raised=refused)
        return self._judge_memory(run, job.limits)

    def _how(self) -> Compile | None:
        how = self.language.compile
        if how is None or self._compile_s is None:
            return how
        return replace(how, limits=replace(how.limits, wall_s=min(how.limits.wall_s, self._compile_s)))

    def _visit(
        self, job: Job, words: tuple[str, ...], product: Files, boxes: WorkerBoxes, partner: Partner | None = None
    ) -> Run:
        language, workspace = self.language, job.program.workspace
        command = Command(
            words=(*language.words(words, job.program.source, job.limits.memory_mb), *workspace.arguments),
            environment={**language.variables(), **dict(workspace.environment)},
            installed=product,
            sources=workspace.files,
        )
        program = replace(job.program, tests=None, selection=None)
        job = replace(job, program=program, command=command, repeat=False)
        role = run_role(self._compiler.pool, language, job.limits, self._prefix)
        return boxes.visit(role, job) if partner is None else boxes.converse(role, job, partner)

    def _refusal(self, job: Job, product: Files, boxes: WorkerBoxes) -> Raised | None:
        """Return the syntax error of a program that has failed and is not compiled; None if it has none."""
        if self.language.check is not None and not self._syntax_checked:
            self._syntax_checked = True
            check = self._visit(job, self.language.check, product, boxes)
            if check.ending is Ending.EXITED and check.exit_code:
                self._refused = raised_by(check)
        return self._refused

    def _judge_memory(self, run: Run, limits: Limits) -> Run:
        """Return the run as out of memory if its runtime, and not the memory wall, has ended it for that."""
        failed = run.ending is Ending.SIGNALLED or (run.ending is Ending.EXITED and run.exit_code)
        if self.language.own_limit and failed and run.memory_mb >= FULL * limits.memory_mb:
            return replace(run, ending=Ending.OUT_OF_MEMORY)
        return run


@dataclass(frozen=True, slots=True, kw_only=True)
class Executed:
    """A program that was run once, without tests: `run` is None if it did not compile."""

    run: Run | None
    compilation: Compilation | None = None

    @property
    def ending(self) -> Ending:
        """Return how the program ended, or its compiler."""
        last = self.run or (self.compilation and self.compilation.run)
        return last.ending if last else Ending.EXITED


def execute(compiler: Compiler, job: Job, compile_s: float, boxes: WorkerBoxes) -> Executed:
    """Run a program of any language once, and compile it first where that is needed."""
    if job.program.language == PYTHON:
        return Executed(run=boxes.run(job))
    translated = Translated(compiler, job.program, compile_s)
    run = translated.run(job, boxes)
    compiled = translated.compilation
    return Executed(run=None if compiled is not None and not compiled.run.product else run, compilation=compiled)


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageVisits(Visits):
    """The visits of a program of another language: where others run Python code, these run its command."""

    translated: Translated

    def candidate(self, job: Job) -> Run:
        """Run a job in the boxes of its language, under the job's limits; compile it first where that is needed."""
        return self.translated.run(job, self.boxes)

    def talking(self, job: Job, partner: Partner) -> Run:
        """Run a job as `candidate` does, while it talks with a partner."""
        return self.translated.run(job, self.boxes, partner)

    @contextlib.contextmanager
    def repeating(self) -> Iterator[None]:
        """Return a context that keeps nothing: a box keeps the files of the last program by itself."""
        yield


def _failed(run: Run) -> Run:
    """Return the run of a program whose compilation failed: it has never run."""
    raised = raised_by(run)
    if run.ending is Ending.EXITED and not run.exit_code:
        raised = replace(raised, message="the compiler made nothing that can be run, or more than is taken")
    return Run(
        ending=run.ending,
        exit_code=run.exit_code or (1 if run.ending is Ending.EXITED else None),
        signal=run.signal,
        stderr=run.stderr,
        stdout=run.stdout,
        memory_mb=run.memory_mb,
        memory_source=run.memory_source,
        raised=raised,
    )


def _first(pattern: re.Pattern[str], lines: list[str]) -> int | None:
    return next((number for number, line in enumerate(lines) if pattern.search(line)), None)


def raised_by(run: Run) -> Raised:
    """Return the first message of a compiler as an exception of the stage `compile`, with the line that it names."""
    text = (run.stderr + b"\n" + run.stdout).decode("utf-8", "replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = _first(_ERROR, lines) or 0
    said = _first(_SAID, lines)
    number = first if said is None else said
    message = lines[number] if lines else "the compiler said nothing"
    near = lines[number : number + 3] + lines[first : first + 3]
    places = (_PLACE.match(line) or _POINTER.match(line) for line in near)
    place = next(filter(None, places), None)
    return Raised(
        stage=Stage.COMPILE,
        type="CompileError",
        message=message[:MAX_MESSAGE],
        line=int(place[1]) if place and int(place[1]) else None,
    )
