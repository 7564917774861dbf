"""Many processes do the chunks of one sweep: Dask hands them out, Zarr takes them in.

A worker is a process with one thread: XLA shares the rows of a block between threads
badly, and chunks among processes well.  What a worker has done is on disk before it
says so; when one dies, Dask gives its chunk to another.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from supernode_opt.reading.node import StudyError, shown
from supernode_opt.sweep.store import Folder

# What keeps XLA of a local worker to one thread.
ALONE = {
    "NPROC": "1",
    "OMP_NUM_THREADS": "1",
    "JAX_ENABLE_X64": "1",
}
# Chunks per worker that wait for it, so that it never waits for the next.
_AHEAD = 2


@contextlib.contextmanager
def local(workers: int) -> Iterator[Any]:
    """Give a client of `workers` processes on this machine."""
    import jax
    from distributed import Client, LocalCluster

    cache = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    environment = dict(ALONE)
    if cache:
        environment["JAX_COMPILATION_CACHE_DIR"] = str(cache)
    with (
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
            env=environment,
            silence_logs=50,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextlib.contextmanager
def of(scheduler: str, patience: float = 10.0) -> Iterator[Any]:
    """Give a client of a scheduler that runs somewhere, `tcp://HOST:PORT`.

    Args:
      scheduler: its address.
      patience: how long it may take to answer [s].

    Raises:
      StudyError: none answers there.
    """
    from distributed import Client

    try:
        client = Client(scheduler, timeout=patience)
    except (OSError, ValueError, TimeoutError):
        raise StudyError(
            f"--scheduler: no Dask scheduler answers at {shown(scheduler)}"
        ) from None
    with client:
        yield client


@contextlib.contextmanager
def slurm(workers: int, options: dict[str, Any]) -> Iterator[Any]:
    """Give a client of `workers` jobs of Slurm.

    Args:
      workers: how many.
      options: of `dask_jobqueue.SLURMCluster`, such as `queue` and `walltime`.

    Raises:
      StudyError: it cannot be made of these options.
    """
    from dask_jobqueue import SLURMCluster
    from distributed import Client

    lines = [f"export {name}={value}" for name, value in ALONE.items()]
    prologue = [*lines, *options.pop("job_script_prologue", [])]
    usual: dict[str, Any] = {"cores": 1, "processes": 1, "memory": "4GiB"}
    try:
        asked = {**usual, **options, "job_script_prologue": prologue}
        cluster = SLURMCluster(**asked)  # pyrefly: ignore[bad-argument-type]
    except (TypeError, ValueError) as error:
        raise StudyError(f"--cluster-options: {error}") from None
    with cluster, Client(cluster) as client:
        cluster.scale(workers)
        yield client


def everywhere(
    client: Any,
    plan: Any,
    folder: Folder,
    chunks: Sequence[int],
    tell: Callable[[], None],
) -> None:
    """Do chunks on all workers of a client; `tell` is called as each is there.

    The folder must be seen by every worker under the same path.
    """
    from distributed import as_completed

    # Sent once to each worker, not with every chunk.
    everyone = client.scatter(plan, broadcast=True)
    waiting = iter(chunks)
    ahead = _AHEAD * max(len(client.scheduler_info()["workers"]), 1)

    def submitted(chunk: int) -> Any:
        return client.submit(_do, everyone, folder, chunk, pure=False)

    first = [submitted(chunk) for _, chunk in zip(range(ahead), waiting, strict=False)]
    under_way = as_completed(first)
    for future in under_way:
        future.result()
        tell()
        following = next(waiting, None)
        if following is not None:
            under_way.add(submitted(following))


def _do(plan: Any, folder: Folder, chunk: int) -> int:
    """Do one chunk in a worker."""
    import jax

    jax.config.update("jax_enable_x64", True)
    do(plan, folder, folder.opened(), chunk)
    return chunk


def do(plan: Any, folder: Folder, group: Any, chunk: int) -> int:
    """Evaluate a chunk and put it into the folder; return evaluations it took."""
    found, evaluations = plan.found(*folder.span(chunk))
    folder.put(group, chunk, found, evaluations)
    return evaluations
