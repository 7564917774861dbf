"""What Dask hands out is what one process does."""

import contextlib

import pytest

from supernode_opt.sweep import program, solve
from tests.cli.conftest import STUDY

AXES = {"scale_up_bandwidth": {"from": "50 GB/s", "to": "800 GB/s", "count": 60}}
ASKED = {"quantities": ["power"]}


@contextlib.contextmanager
def threads():
    """Give a client whose two workers are threads of this process."""
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def test_chunks_done_by_workers_make_the_same_file(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "BLOCK_OF_CASES", 10)
    one, two = tmp_path / "one", tmp_path / "two"
    solve.sweep(STUDY, AXES, out=one, **ASKED)
    told = []
    solve.sweep(
        STUDY,
        AXES,
        out=two,
        client=threads(),
        progress=lambda *now: told.append(now),
        **ASKED,
    )
    assert told[0] == (0, 60, 0)
    assert told[-1] == (60, 60, 60)
    assert (one / "sweep.nc").read_bytes() == (two / "sweep.nc").read_bytes()


def test_an_address_where_nobody_answers_is_refused():
    from supernode_opt.reading.node import StudyError
    from supernode_opt.sweep import workers

    with (
        pytest.raises(StudyError, match="no Dask scheduler answers"),
        workers.of("tcp://127.0.0.1:1", patience=0.2),
    ):
        pass
