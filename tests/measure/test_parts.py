"""Plan, timing, journal, watts and the description of devices, piece by piece."""

import dataclasses
import json
import time

import numpy as np
import pytest

from supernode_opt.calibration.data.shapes import flops_per_token
from supernode_opt.measure import launch, running, timing, training
from supernode_opt.measure.devices import Bench, Device
from supernode_opt.measure.journal import Journal
from supernode_opt.measure.plan import (
    Point,
    Speed,
    interleave,
    required,
    spread_out,
)
from supernode_opt.workload.model import Model
from tests.measure.conftest import HEADER, entry

SPEEDS = {"cpu": Speed(1e11, 2e10), "gpu": Speed(7e14, 3e12)}
SLOWEST, FASTEST = Speed(1e8, 1e9), Speed(1e17, 1e14)


def device(platform, **changes):
    described = Device(
        kind=platform,
        platform=platform,
        count=8,
        memory=80e9,
        memory_source="a fake",
        usable=60e9,
        cache=5e7,
        float8=True,
        chip="",
        alike="dgx_h100",
    )
    return dataclasses.replace(described, **changes)


def test_each_next_point_is_farthest_from_those_before():
    points = [Point("x", {"size": 2**i}, float(i)) for i in range(9)]
    order = [point.sizes["size"] for point in spread_out(points, 5)]
    assert order[:3] == [16, 1, 256]
    assert set(order[3:]) == {4, 64}
    assert spread_out(points, 0) == spread_out([], 3) == []


def test_needed_points_come_first_and_sections_advance_together():
    first = required([Point("a", {"n": i}, 1.0) for i in range(4)], 1)
    second = required([Point("b", {"n": i}, 1.0) for i in range(2)], 1)
    order = [point.key for point in interleave([first, second])]
    assert order == ["a n=0", "b n=0", "a n=1", "a n=2", "a n=3", "b n=1"]


@pytest.mark.parametrize("platform", SPEEDS)
@pytest.mark.parametrize("quick", [True, False])
def test_every_plan_fits_memory_and_patience(platform, quick):
    speed, described = SPEEDS[platform], device(platform)
    for section, module in running.SECTIONS.items():
        points = module.points(described, speed, quick)
        assert points, section
        assert any(point.needed for point in points)
        assert len({point.key for point in points}) == len(points)
        assert all(point.seconds < 2.5 for point in points)
        for point in points:
            assert json.loads(json.dumps(point.sizes)) == point.sizes
    steps = training.points(described, speed, quick)
    assert all(training.memory(point) < 0.5 * described.usable for point in steps)
    products = running.SECTIONS["gemm"].points(described, speed, quick)
    assert {p.sizes["precision"] for p in products} == {"bfloat16", "float32", "fp8"}
    # Skinny shapes and balanced ones.
    ratios = [float(p.sizes["m"]) / float(p.sizes["n"]) for p in products]
    assert min(ratios) < 0.1
    assert max(ratios) > 1.0


@pytest.mark.parametrize("speed", [SLOWEST, *SPEEDS.values(), FASTEST])
def test_any_device_has_something_to_measure(speed):
    for section, module in running.SECTIONS.items():
        assert len(module.points(device("cpu"), speed, True)) > 1, section
    steps = training.points(device("cpu"), speed, True)
    assert len(steps) == 6
    # Cross-validation needs two groups at least.
    assert len({(p.sizes["width"], p.sizes["layers"]) for p in steps}) > 1


def test_a_single_device_has_no_collectives_and_a_cpu_no_fp8():
    alone = device("cpu", count=1, float8=False)
    assert running.SECTIONS["collective"].points(alone, SPEEDS["cpu"], False) == []
    products = running.SECTIONS["gemm"].points(alone, SPEEDS["cpu"], False)
    assert "fp8" not in {point.sizes["precision"] for point in products}


def test_flops_of_a_step_are_those_of_the_model():
    (point, *_) = training.points(device("gpu", count=1), SPEEDS["gpu"], True)
    sizes = point.sizes
    width, length = sizes["width"], sizes["length"]
    model = Model(
        layers=sizes["layers"],
        hidden=width,
        heads=width // 64,
        kv_heads=width // 64,
        head_dim=64,
        ffn=training.ffn(width),
        vocabulary=sizes["vocabulary"],
        dense_layers=sizes["layers"],
    )
    wanted = flops_per_token(model, float(length))
    assert training.token_flops(point) == pytest.approx(wanted, rel=1e-6)


@pytest.mark.parametrize("samples", [3, 25])
def test_medians_know_their_noise(samples):
    random = np.random.default_rng(0)
    medians, said = [], []
    for _ in range(400):
        times = 4.0 + 0.1 * random.standard_normal(samples)
        found = timing.summarise(times, 2)
        medians.append(2.0 * found.seconds / 4.0)
        said.append(found.noise)
    assert np.mean(medians) == pytest.approx(1.0, abs=0.002)
    assert np.mean(said) == pytest.approx(np.std(medians), rel=0.25)


def test_measuring_waits_for_what_it_starts():
    found = timing.measure(lambda: time.sleep(0.003), 0.05)
    assert 0.003 <= found.seconds < 0.1
    assert found.calls == 1
    assert found.samples >= 5
    many = timing.measure(lambda: np.float32(1.0), 0.02)
    assert many.calls > 10
    assert many.watts is None


def test_disturbed_samples_are_left_out_where_others_remain(tmp_path):
    times = np.asarray([1.0] * 6 + [3.0] * 14)
    waits = np.asarray([0.01] * 6 + [2.0] * 14)
    found = timing.summarise(times, 1, None, waits)
    assert (found.seconds, found.samples) == (1.0, 6)
    assert found.waited == pytest.approx(0.01)
    # All are disturbed: the quietest remain, and the share is told.
    found = timing.summarise(times, 1, None, np.linspace(0.5, 5.0, 20) * times)
    assert (found.seconds, found.samples) == (1.0, 5)
    assert found.waited > 0.5
    few = timing.summarise(times[-2:], 1, None, waits[-2:])
    assert (few.seconds, few.samples) == (3.0, 2)
    for thread, line in {
        "7": "9 2000000000 1\n",
        "8": "",
        "9": "1 500000000 2",
    }.items():
        (tmp_path / thread).mkdir()
        (tmp_path / thread / "schedstat").write_text(line)
    assert timing.waited(tmp_path) == pytest.approx(2.5)
    assert timing.waited(tmp_path / "nowhere") == 0.0


def test_kernels_of_a_program_are_counted():
    text = """HloModule x

%fused_computation (p: f32[4]) -> f32[4] {
  ROOT %add = f32[4]{0} fusion(%p, %p), kind=kLoop
}

%command_buffer (p: f32[4]) -> f32[4] {
  %one = f32[4]{0} fusion(%p), kind=kLoop, calls=%fused_computation
}

ENTRY %main (p: f32[4]) -> f32[4] {
  %p = f32[4]{0} parameter(0)
  %dot.1 = f32[4]{0} dot(%p, %p)
  ROOT %fusion.2 = f32[4]{0} fusion(%dot.1), kind=kLoop, calls=%fused_computation
}
"""
    assert launch.kernels(text) == 3


def test_a_budget_cuts_the_least_informative_points(tmp_path, monkeypatch):
    """Ten points of a second each in a budget for six; the needed one always runs."""

    class Section:
        SECTION = "fake"

        @staticmethod
        def points(device, speed, quick):
            made = [Point("fake", {"n": n}, 0.1) for n in range(1, 10)]
            return [*made, Point("fake", {"n": 0}, 0.1, needed=True)]

        @staticmethod
        def run(point, bench):
            if point.sizes["n"] == 2:
                raise MemoryError("no room")
            clock[0] += 1.0
            return timing.Timing(1.0, 0.0, 0.0, 5, 1, None)

    clock = [0.0]
    monkeypatch.setattr(running, "SECTIONS", {"fake": Section})
    monkeypatch.setattr(running.time, "perf_counter", lambda: clock[0])
    first = [
        entry("probe", {"what": w}, 1.0, work=1e9) for w in ("arithmetic", "memory")
    ]
    journal = Journal(tmp_path, HEADER)
    for one in first:
        journal.add(one._replace(spent=0.0))
    bench = Bench(device("cpu", count=1, float8=False), (), 0, 0.5)
    shown = []
    done = running.run(bench, journal, 16.0, lambda what, share: shown.append(share))
    keys = [one.sizes["n"] for one in journal.entries.values() if one.section == "fake"]
    assert keys[0] == 0
    assert keys == [0, 1, 2, 3, 4, 5, 6]
    assert [point.sizes["n"] for point in done.skipped] == [7, 8, 9]
    assert any("no time for the 3 least informative points" in n for n in done.notes)
    assert any("failed: fake n=2: MemoryError: no room" in n for n in done.notes)
    assert shown == sorted(shown)
    # With more time the same journal goes on where it stopped.
    again = running.run(bench, journal, 60.0, lambda what, share: None)
    journal.close()
    assert not again.skipped
    assert clock[0] == 9.0


def test_disturbed_points_are_measured_again_while_there_is_time(tmp_path, monkeypatch):
    """The second point is disturbed twice, the third whenever it is tried."""
    waits = {1: [0.0], 2: [2.0, 3.0, 0.1], 3: [1.0] * 99}

    class Section:
        SECTION = "fake"

        @staticmethod
        def points(device, speed, quick):
            return [Point("fake", {"n": n}, 0.1) for n in waits]

        @staticmethod
        def run(point, bench):
            waited = waits[point.sizes["n"]].pop(0)
            return timing.Timing(1.0 + waited, 0.0, 0.0, 5, 1, None, waited)

    monkeypatch.setattr(running, "SECTIONS", {"fake": Section})
    journal = Journal(tmp_path, HEADER)
    for what in ("arithmetic", "memory"):
        journal.add(entry("probe", {"what": what}, 1.0, work=1e9)._replace(spent=0.0))
    bench = Bench(device("cpu", count=1, float8=False), (), 0, 0.5)
    done = running.run(bench, journal, 60.0, lambda what, share: None)
    journal.close()
    kept = [e.timing.seconds for e in journal.entries.values() if e.section == "fake"]
    assert kept == [1.0, 1.1, 2.0]
    assert waits[2] == []
    assert journal.tries["fake n=3"] == 6
    assert any("1 of 5 points were disturbed" in note for note in done.notes)
    again = Journal(tmp_path, HEADER)
    again.close()
    assert again.entries == journal.entries
    assert again.tries == journal.tries
    assert again.spent == pytest.approx(journal.spent)
