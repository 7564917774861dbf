"""Stopped, resumed, by one process or two: the same file, and nothing done twice."""

import itertools
import json

import numpy as np
import pytest
import xarray as xr

from supernode_opt.reading.node import StudyError
from supernode_opt.results.publish import state
from supernode_opt.sweep import program
from supernode_opt.sweep.solve import sweep
from supernode_opt.sweep.store import Folder, chunk_size, pieces
from tests.cli.conftest import STUDY

# One program serves this file: few points, many chunks.
AXES = {
    "tensor_parallel": [1, 2, 4, 8],
    "scale_up_bandwidth": {"from": "50 GB/s", "to": "800 GB/s", "count": 40},
    "scale_up_link": ["lpo", "copper"],
}
ASKED = {"quantities": ["mfu", "power"]}


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr(program, "BLOCK_OF_CASES", 20)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the folder of a sweep that nothing stopped."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(program, "BLOCK_OF_CASES", 20)
        folder = tmp_path_factory.mktemp("sweep") / "whole"
        sweep(STUDY, AXES, out=folder, **ASKED)
    return folder


class Killed(Exception):
    pass


def stopped(folder, after):
    """Sweep until `after` points are there."""

    def tell(done, of, evaluations):
        if done >= after:
            raise Killed

    with pytest.raises(Killed):
        sweep(STUDY, AXES, out=folder, progress=tell, **ASKED)


def test_a_stopped_sweep_goes_on_to_the_same_bytes_and_repeats_nothing(whole, tmp_path):
    folder = tmp_path / "stopped"
    stopped(folder, 100)
    assert not (folder / "sweep.nc").exists()
    with pytest.raises(StudyError, match="--resume") as caught:
        sweep(STUDY, AXES, out=folder, **ASKED)
    assert "\n" not in str(caught.value)
    with pytest.raises(StudyError, match="another axes"):
        sweep(STUDY, {"clock": [0.5, 0.6]}, out=folder, resume=True, **ASKED)
    marks = state(folder) / "done"
    before = sum(json.loads(m.read_text())["evaluations"] for m in marks.iterdir())
    # A chunk of which nothing says that it is whole is done again.
    (state(folder) / "sweep.zarr" / "mfu" / "c" / "15").write_bytes(b"half")
    told = []
    sweep(
        STUDY,
        AXES,
        out=folder,
        resume=True,
        progress=lambda *now: told.append(now),
        **ASKED,
    )
    assert told[0] == (100, 320, 0)
    assert told[-1][:2] == (320, 320)
    final = xr.open_dataset(folder / "sweep.nc", engine="h5netcdf")
    assert before + told[-1][2] == final.attrs["evaluations"] > before > 0
    assert (folder / "sweep.nc").read_bytes() == (whole / "sweep.nc").read_bytes()
    assert not state(folder).exists()


def test_what_is_in_memory_is_what_is_stored(whole):
    stored = xr.open_dataset(whole / "sweep.nc", engine="h5netcdf").load()
    found = sweep(STUDY, AXES, **ASKED)
    xr.testing.assert_identical(found, stored)
    assert found.sizes == {
        "tensor_parallel": 4,
        "scale_up_bandwidth": 40,
        "scale_up_link": 2,
    }
    assert found["scale_up_bandwidth"].attrs["units"] == "B/s"
    assert found["power"].attrs["units"] == "W"
    assert found["feasible"].dtype == found["legal"].dtype == bool
    assert np.isnan(found["mfu"].where(~found["legal"])).all()
    meanings = found["binding"].attrs["flag_meanings"].split()
    assert "power" in meanings
    assert len(meanings) == len(found["binding"].attrs["flag_values"])
    # Copper does not reach beyond its rack, wherever a domain is larger.
    copper = found.sel(scale_up_link="copper", tensor_parallel=8)
    assert not copper["feasible"].any()
    reach = meanings.index("scale_up_reach")
    assert (copper["binding"] == reach).all()
    assert found.attrs["subject"] == "CloudMatrix384, Llama 3 8B, BF16, 384 chips"


def test_samples_have_their_variables_along_one_dimension(tmp_path):
    axes = {
        "scale_up_bandwidth": {"from": "50 GB/s", "to": "800 GB/s"},
        "tensor_parallel": [2, 4, 8],
        "scale_up_link": ["lpo", "copper"],
    }
    options = {"samples": 50, "method": "sobol", "seed": 1, **ASKED}
    found = sweep(STUDY, axes, **options)
    assert found.sizes == {"point": 50}
    assert set(axes) == set(found.coords)
    stored = sweep(STUDY, axes, out=tmp_path / "samples", **options)
    xr.testing.assert_identical(stored, found)


@pytest.mark.parametrize("shape", [(7,), (3, 5), (2, 3, 4), (4, 1, 3, 2)])
def test_any_stretch_of_points_is_cut_into_boxes(shape):
    count = int(np.prod(shape))
    flat = np.arange(count)
    for start in range(count):
        for stop in range(start + 1, count + 1):
            made = np.full(shape, -1)
            for place, first, last in pieces(start, stop, shape):
                box = [s.stop - s.start for s in place]
                made[place] = flat[first:last].reshape(box)
            wanted = np.where((flat >= start) & (flat < stop), flat, -1)
            np.testing.assert_array_equal(made.ravel(), wanted)


def test_chunks_cover_all_points(tmp_path):
    for count in (1, 19, 4096, 1_000_001):
        folder = Folder(tmp_path, count, chunk_size(count, 16, 4096))
        spans = [folder.span(chunk) for chunk in range(folder.chunks)]
        assert spans[0][0] == 0
        assert spans[-1][1] == count
        assert all(a[1] == b[0] for a, b in itertools.pairwise(spans))
