"""Read large files in a separate process, ahead of the process that writes the store, to use two cores.

The reader gets a job and sends lists of samples, pickled, because both ends are our own. The pipe blocks the reader
when the writer is slower. If the writer has ended, the reader ends at its next list.
"""

from __future__ import annotations

import pickle  # noqa: TID251 - between our own two processes; no byte of a box comes here
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from typing import IO

from sampler.importing.imported_sample import ImportFault
from sampler.importing.prepare import PreparedSample, ReadingJob, SampleLeftOut, prepare_samples

LARGE_BYTES = 16 << 20  # a process costs about as long as this takes
AT_ONCE = 500


def read(job: ReadingJob) -> Iterator[PreparedSample | SampleLeftOut]:
    """Yield the samples of a file of any size, in its order; raises ImportFault."""
    large = job.path.is_file() and job.path.stat().st_size >= LARGE_BYTES
    return _read_ahead(job) if large else prepare_samples(job)


def _read_ahead(job: ReadingJob) -> Iterator[PreparedSample | SampleLeftOut]:
    words = [sys.executable, "-m", "sampler.importing.subprocess_reader"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as reader:
        if reader.stdin is None or reader.stdout is None:  # what PIPE rules out
            raise ImportFault("no pipe to the reading process")
        try:
            with reader.stdin as given:
                pickle.dump(job, given)
            while (told := pickle.load(reader.stdout)) is not None:  # our own process
                if isinstance(told, ImportFault):
                    raise told
                yield from told
        except (EOFError, BrokenPipeError, pickle.UnpicklingError) as error:
            raise ImportFault(
                f"{job.path}: the process that read it is gone (was it killed, or is memory short?); run the same "
                "command "
                "again, it goes on where it stopped"
            ) from error
        finally:
            reader.kill()


def _tell(job: ReadingJob, out: IO[bytes]) -> None:
    """Send lists of samples, then None, or the fault of the file instead."""
    samples = prepare_samples(job)
    try:
        while part := list(islice(samples, AT_ONCE)):
            pickle.dump(part, out, pickle.HIGHEST_PROTOCOL)
        pickle.dump(None, out)
    except ImportFault as error:
        pickle.dump(error, out)


def main() -> None:
    """Run the reading process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # ctrl-C is the writer's to answer
    try:
        _tell(pickle.load(sys.stdin.buffer), sys.stdout.buffer)  # from our own process
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        sys.stdout = None  # the writer has gone, and nothing is left to flush


if __name__ == "__main__":
    main()
