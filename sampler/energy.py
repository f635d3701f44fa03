"""The energy of the machine's GPUs, by NVIDIA's management library: the one door to it, and only where it is there.

The counter is the driver's own, in millijoules since it was loaded, on Volta and later. All GPUs that the library shows
are summed, busy or not: run a study alone on its GPUs, or hide the others from it.
"""

from __future__ import annotations

from typing import Any

from sampler.closing import Closing


class NoMeter(Exception):
    """The library, its Python package, a GPU, or a GPU's counter is not there."""


class GpuMeter(Closing):
    """The joules that the GPUs have used. Close it, or use it as a context."""

    def __init__(self) -> None:
        """Raises NoMeter."""
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
        """Joules since some moment in the past; None if the counter fails."""
        try:
            return sum(int(self._nvml.nvmlDeviceGetTotalEnergyConsumption(one)) for one in self._devices) / 1000
        except self._nvml.NVMLError:
            return None

    def close(self) -> None:
        """Give the library back."""
        self._nvml.nvmlShutdown()
