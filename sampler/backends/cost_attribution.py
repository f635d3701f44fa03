"""Attribute an engine's seconds, and the energy of the machine's GPUs or CPUs, to the samples that it works on at once.

At any moment the wall time is split by the tokens that the engine works on: a prompt that is being read counts as its
number of tokens, a sample that is being written counts as one. So the shares add up exactly to the time during which
the engine had work. This is amortised throughput time, which decides how long a study takes; it is not the latency of a
sample that runs alone.

Only this module uses NVIDIA's management library, if it is installed. Its counter is the driver's own, in millijoules
since it was loaded, on Volta and later. All GPUs that the library shows are summed, busy or not: run a study alone on
its GPUs, or hide the others from it. An engine on a cluster counts those that Ray has given to it alone.

The energy of CPUs is read from the kernel's files of RAPL (running average power limit; Intel's processors since 2012,
AMD's since Zen), where this user may: since 2020 most kernels show them to root alone, because they can tell what other
programs do, and virtual machines rarely have them. All packages are summed, and their memory where it counts by itself,
whatever keeps them busy: sandboxes of the same machine as well.

A sample's joules are its own share of the engine's seconds times the mean power since sampling began. Where the seconds
of all samples add up to the time that the engine worked, their joules therefore add up to what the meter counted, as
far as power is steady. If a sample's seconds are not known, or the counter failed meanwhile, its joules are unknown
(None), never zero.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from sampler.backends.base import Backend
from sampler.values import Closeable, ModelCard, Request, Sample, SamplingParams


class NoMeter(Exception):
    """The library, its Python package, a GPU, or a GPU's counter is not there."""


class GpuMeter(Closeable):
    """The joules that the GPUs have used. Close it, or use it as a context."""

    def __init__(self, only: Sequence[str] | None = None) -> None:
        """Open the meter of all GPUs, or of these: numbers or UUIDs, as Ray names them; raises NoMeter."""
        try:
            import pynvml  # an optional package
        except ImportError as error:
            raise NoMeter("the package nvidia-ml-py is not installed; pip install 'codebudget[energy]'") from error
        self._nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
            chosen = map(str, range(pynvml.nvmlDeviceGetCount())) if only is None else only
            by_number, by_uuid = pynvml.nvmlDeviceGetHandleByIndex, pynvml.nvmlDeviceGetHandleByUUID
            self._devices = [by_number(int(name)) if name.isdecimal() else by_uuid(name) for name in chosen]
        except pynvml.NVMLError as error:
            raise NoMeter(f"the energy of the GPUs cannot be read: {error}") from error
        if not self._devices or self.joules() is None:
            raise NoMeter("this machine has no GPU, or one that does not count its energy")

    def joules(self) -> float | None:
        """Return the joules since a fixed moment; None if the counter fails."""
        try:
            return sum(int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(one)) for one in self._devices) / 1000
        except self._nvml.NVMLError:
            return None

    def close(self) -> None:
        """Close the library."""
        self._nvml.nvmlShutdown()


POWERCAP = Path("/sys/class/powercap")


class CpuMeter(Closeable):
    """The joules that the machine's CPUs have used, by RAPL's counters."""

    def __init__(self, folder: Path = POWERCAP) -> None:
        """Find the counters; raises NoMeter."""
        self._counters = [
            _Counter(zone)
            for zone in sorted(folder.glob("intel-rapl:*"))
            if _text_of(zone / "name").startswith(("package", "dram"))
        ]
        if not self._counters:
            raise NoMeter("this machine shows no counter of its CPUs' energy (RAPL)")
        if self.joules() is None:
            raise NoMeter(f"this user may not read {self._counters[0].file}; run as root, or let it be read")

    def joules(self) -> float | None:
        """Return the joules since this meter was opened; None if a counter fails."""
        counted = [counter.joules() for counter in self._counters]
        known = [joules for joules in counted if joules is not None]
        return sum(known) if len(known) == len(counted) else None

    def close(self) -> None:
        """Do nothing: no file is held open."""


class _Counter:
    """One counter in microjoules, which begins anew at the end of its range: read it more often than that happens."""

    def __init__(self, zone: Path) -> None:
        self.file = zone / "energy_uj"
        self._range = _number(zone / "max_energy_range_uj") or 0
        self._last = _number(self.file)
        self._passed = 0

    def joules(self) -> float | None:
        now = _number(self.file)
        if now is None or self._last is None:
            return None
        self._passed += now - self._last if now >= self._last else now - self._last + self._range
        self._last = now
        return self._passed / 1e6


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _number(file: Path) -> int | None:
    text = _text_of(file)
    return int(text) if text.isascii() and text.isdecimal() else None


class Meter(Protocol):
    """What counts energy."""

    def joules(self) -> float | None:
        """Return the joules since a fixed moment; None if they are not known now."""

    def close(self) -> None:
        """Close the meter."""


class MeteredBackend(Closeable):
    """A backend that adds a meter's joules to the samples of another backend."""

    def __init__(self, inner: Backend, meter: Meter, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._inner = inner
        self._meter = meter
        self._clock = clock

    @property
    def card(self) -> ModelCard:
        """Return the card of the other backend."""
        return self._inner.card

    def sample(self, requests: Iterable[Request], params: SamplingParams) -> Iterator[Sample]:
        """Yield the samples of the other backend, with their joules; raises BackendError."""
        began, counted = self._clock(), self._meter.joules()
        for sample in self._inner.sample(requests, params):
            passed, now = self._clock() - began, self._meter.joules()
            watts = None if counted is None or now is None or passed <= 0 else (now - counted) / passed
            yield replace(
                sample,
                prompt_joules=_times(watts, sample.prompt_seconds),
                decode_joules=_times(watts, sample.decode_seconds),
            )

    def close(self) -> None:
        """Close the engine and the meter."""
        try:
            self._inner.close()
        finally:
            self._meter.close()


def metered(backend: Backend, meter: Callable[[], Meter] | None) -> Backend:
    """Return the backend with a meter of its devices' energy, if there is one."""
    if meter is None:
        return backend
    try:
        return MeteredBackend(backend, meter())
    except NoMeter:
        return backend


def _times(watts: float | None, seconds: float | None) -> float | None:
    return None if watts is None or seconds is None else watts * seconds


class WallShares:
    """Accounts for wall time; call it when something enters or leaves the engine, with the clock's reading then."""

    def __init__(self) -> None:
        self._weights: dict[Hashable, int] = {}
        self._shares: dict[Hashable, float] = {}
        self._until = 0.0

    def enter(self, key: Hashable, weight: int, now: float) -> None:
        """Record that `key` begins to occupy the engine, with `weight` tokens at a time."""
        if weight < 1:
            raise ValueError(f"weight must be at least 1, not {weight}")
        self._settle(now)
        self._weights[key] = weight
        self._shares[key] = 0.0

    def leave(self, key: Hashable, now: float) -> float:
        """Record that `key` has left the engine; return its seconds."""
        self._settle(now)
        del self._weights[key]
        return self._shares.pop(key)

    def _settle(self, now: float) -> None:
        """Divide the seconds since the last event; two threads may report events in the wrong order."""
        now = max(now, self._until)
        passed, everything = now - self._until, sum(self._weights.values())
        for key, weight in self._weights.items():
            self._shares[key] += passed * weight / everything
        self._until = now
