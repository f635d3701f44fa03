"""Measure the energy of the machine's GPUs, and attribute it to samples in the same way as seconds.

Only this module uses NVIDIA's management library, if it is installed. Its counter is the driver's own, in millijoules
since it was loaded, on Volta and later. All GPUs that the library shows are summed, busy or not: run a study alone on
its GPUs, or hide the others from it.

A sample's joules are its own share of the engine's seconds times the mean power since sampling began. Where the seconds
of all samples add up to the time that the engine worked, their joules therefore add up to what the meter counted, as
far as power is steady. If a sample's seconds are not known, or the counter failed meanwhile, its joules are unknown
(None), never zero.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol

from sampler.backends.base import Backend
from sampler.closeable import Closeable
from sampler.values import ModelCard, Request, Sample, SamplingParams

# The energy of the machine's GPUs, by NVIDIA's management library: the one door to it, and only where it is there.
#
# The counter is the driver's own, in millijoules since it was loaded, on Volta and later. All GPUs that the library
# shows are summed, busy or not: run a study alone on its GPUs, or hide the others from it.


class NoMeter(Exception):
    """The library, its Python package, a GPU, or a GPU's counter is not there."""


class GpuMeter(Closeable):
    """The joules that the GPUs have used. Close it, or use it as a context."""

    def __init__(self) -> None:
        """Open the meter; raises NoMeter."""
        try:
            import pynvml  # an optional package
        except ImportError as error:
            raise NoMeter("the package nvidia-ml-py is not installed; pip install 'codebudget[energy]'") from error
        self._nvml: Any = pynvml
        try:
            pynvml.nvmlInit()
            count = pynvml.nvmlDeviceGetCount()
            self._devices = [pynvml.nvmlDeviceGetHandleByIndex(number) for number in range(count)]
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


def _times(watts: float | None, seconds: float | None) -> float | None:
    return None if watts is None or seconds is None else watts * seconds
