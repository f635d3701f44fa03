"""Energy is measured where it can be, attributed as seconds are, and unknown elsewhere."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sampler.backends.cost_attribution import CpuMeter, GpuMeter, MeteredBackend, NoMeter
from sampler.values import Prompt, PromptStyle, Request, SamplingParams

REQUEST = Request(problem="P/0", prompt=Prompt(style=PromptStyle.COMPLETION, text="p"), first=0, count=5, seed=0)


class Clocked:
    """A clock, a counter of a given power, and an engine that takes 3 s for a sample, 1 s of them on its prompt."""

    def __init__(self, support, watts: float = 300.0) -> None:
        self.now = 100.0
        self.closed = False
        self.broken_from = float("inf")
        self._support = support
        self._watts = watts

    def clock(self) -> float:
        return self.now

    def joules(self) -> float | None:
        return None if self.now >= self.broken_from else 5000.0 + self._watts * self.now

    def close(self) -> None:
        self.closed = True

    def backend(self):
        world = self

        class Working(self._support.RuleBackend):
            def sample(self, requests, params):
                for sample in super().sample(requests, params):
                    world.now += 3.0
                    yield replace(sample, prompt_seconds=1.0, decode_seconds=2.0)

        return MeteredBackend(Working("m"), self, clock=self.clock)


def test_the_joules_of_all_samples_are_what_the_meter_counted(support):
    world = Clocked(support)
    before = world.joules()
    with world.backend() as backend:
        samples = list(backend.sample([REQUEST], SamplingParams()))
    assert sum(sample.prompt_joules + sample.decode_joules for sample in samples) == pytest.approx(
        world.joules() - before
    )
    assert samples[0].decode_joules == pytest.approx(2 * samples[0].prompt_joules)
    assert world.closed


def test_a_counter_that_fails_leaves_joules_unknown_and_samples_as_they_are(support):
    world = Clocked(support)
    world.broken_from = 106.0
    samples = list(world.backend().sample([REQUEST], SamplingParams()))
    assert [sample.decode_joules is None for sample in samples] == [False, True, True, True, True]
    assert [sample.index for sample in samples] == [0, 1, 2, 3, 4]


def test_unknown_seconds_have_no_joules(support):
    world = Clocked(support)

    class Silent(support.RuleBackend):
        def sample(self, requests, params):
            for sample in super().sample(requests, params):
                world.now += 1
                yield replace(sample, prompt_seconds=None, decode_seconds=None)

    (sample, *_) = MeteredBackend(Silent("m"), world, clock=world.clock).sample([REQUEST], SamplingParams())
    assert (sample.prompt_joules, sample.decode_joules) == (None, None)


def test_the_gpus_of_this_machine_are_measured_or_said_not_to_be_there():
    try:
        meter = GpuMeter()
    except NoMeter as error:
        pytest.skip(f"no energy to measure: {error}")
    with meter:
        first = meter.joules()
        assert first is not None
        assert meter.joules() >= first


def zone(folder, name: str, said: str, microjoules: int, most: int = 1_000_000) -> None:
    place = folder / name
    place.mkdir(exist_ok=True)
    (place / "name").write_text(f"{said}\n")
    (place / "energy_uj").write_text(f"{microjoules}\n")
    (place / "max_energy_range_uj").write_text(f"{most}\n")


def test_the_energy_of_all_processors_is_summed_and_counters_may_begin_anew(tmp_path):
    zone(tmp_path, "intel-rapl:0", "package-0", 900_000)
    zone(tmp_path, "intel-rapl:0:0", "core", 500_000)  # a part of its package
    zone(tmp_path, "intel-rapl:0:1", "dram", 100_000)
    zone(tmp_path, "intel-rapl:1", "package-1", 0)
    zone(tmp_path, "intel-rapl:2", "psys", 7)  # the whole board, its packages included
    with CpuMeter(tmp_path) as meter:
        assert meter.joules() == 0.0
        zone(tmp_path, "intel-rapl:0", "package-0", 200_000)  # past the end of its range
        zone(tmp_path, "intel-rapl:0:1", "dram", 150_000)
        zone(tmp_path, "intel-rapl:1", "package-1", 400_000)
        assert meter.joules() == pytest.approx(0.3 + 0.05 + 0.4)
        zone(tmp_path, "intel-rapl:0", "package-0", 300_000)
        assert meter.joules() == pytest.approx(0.4 + 0.05 + 0.4)
        (tmp_path / "intel-rapl:1" / "energy_uj").unlink()
        assert meter.joules() is None, "an unknown part makes an unknown sum"


def test_processors_that_tell_nothing_have_no_meter(tmp_path):
    with pytest.raises(NoMeter, match="shows no counter"):
        CpuMeter(tmp_path)
    zone(tmp_path, "intel-rapl:0", "package-0", 1)
    (tmp_path / "intel-rapl:0" / "energy_uj").unlink()
    with pytest.raises(NoMeter, match=r"may not read .*energy_uj; run as root"):
        CpuMeter(tmp_path)


def test_an_engine_that_does_not_close_leaves_no_meter_open(support):
    world = Clocked(support)

    class Stuck(support.RuleBackend):
        def close(self) -> None:
            raise OSError("stuck")

    with pytest.raises(OSError, match="stuck"):
        MeteredBackend(Stuck("m"), world).close()
    assert world.closed
