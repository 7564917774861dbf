"""From a study and axes to a dataset of all their points."""

import contextlib
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
import yaml

from supernode_opt.config.goal import read_objective, refuse_draws
from supernode_opt.config.study import refuse_several
from supernode_opt.problem.problem import Objective
from supernode_opt.reading import document
from supernode_opt.reading.node import Node, StudyError
from supernode_opt.results import locking, store, table
from supernode_opt.results.publish import publication, state
from supernode_opt.results.versions import git_commit, versions
from supernode_opt.sweep import export
from supernode_opt.sweep import workers as processes
from supernode_opt.sweep.axes import METHODS, document_of, read_axes
from supernode_opt.sweep.cells import read_cells
from supernode_opt.sweep.chunks import Plan
from supernode_opt.sweep.layout import asked, attributes
from supernode_opt.sweep.points import Points
from supernode_opt.sweep.searched import Search, search_of
from supernode_opt.sweep.store import Folder
from supernode_opt.sweep.subject import subject_of

MOST_POINTS = 1_000_000_000
NAME, ASKED = "sweep.nc", "asked.json"
# Results up to this size are read whole, larger ones as they are asked for [B].
_WHOLE = 1 << 28
# Called with points that are there, points in all, and evaluations so far.
Progress = Callable[[int, int, int], None]


def sweep(
    study: Node | Mapping[str, Any] | str | Path,
    axes: Mapping[str, Any] | Node,
    *,
    samples: int | None = None,
    method: str = "grid",
    optimize: bool = False,
    quantities: Sequence[str] = (),
    out: Path | None = None,
    resume: bool = False,
    workers: int = 1,
    seed: int = 0,
    progress: Progress | None = None,
    client: contextlib.AbstractContextManager[Any] | None = None,
) -> xr.Dataset:
    """Evaluate a study at every point of a grid, or at samples.

    Every point is what `evaluate --set PATH=VALUE` says of it.

    Args:
      study: the document, the same as a mapping, its YAML text, or its file.
      axes: path to a list of values, or to {from, to, count, scale}; numbers are SI,
        words may have units.
      samples: how many points are drawn, for other methods than "grid".
      method: "grid", "latin_hypercube" or "sobol".
      optimize: find what is free in the study at every point.
      quantities: reported quantities, dotted paths below `Report`; the usual if none.
      out: folder of the result; without one it is only in memory.
      resume: go on with what was stopped on the way to `out`.
      workers: processes on this machine.
      seed: of samples, and of the random starts of an optimization.
      progress: called after each chunk with the points that are there, all points,
        and evaluations of the model in this run.
      client: gives a `dask.distributed.Client`, whose workers are used instead.

    Returns:
      Dimensions are the axes, or `point`; numbers are SI.

    Raises:
      StudyError: a path, a value or a quantity is wrong, or work of another sweep is
        in the way.
      OSError: the machine refuses to write.
    """
    top = document_from(study)
    plan = plan_of(top, axes, samples, method, optimize, quantities, seed)
    tell = progress or (lambda done, of, evaluations: None)
    if client is None and workers > 1:
        client = processes.local(workers)
    if out is None and client is None:
        return _remembered(plan, top, tell)
    if out is None:
        with tempfile.TemporaryDirectory() as made:
            folder = _folder(Path(made) / "sweep", plan)
            _work(plan, top, folder, False, client, tell)
            found = folder.opened("r")
            whole = {v.name: np.asarray(found[v.name][:]) for v in plan.variables}
            told = _attributes(plan, top, folder.evaluations())
            return export.in_memory(plan.points, plan.variables, whole, told)
    folder, question = _folder(state(out), plan), json.dumps(_question(plan, top))
    if resume and not folder.begun() and _is(out / ASKED, question):
        # Stopped when all was published already.
        tell(plan.points.count, plan.points.count, 0)
        return opened(out / NAME)
    _work(plan, top, folder, resume, client, tell)
    told = _attributes(plan, top, folder.evaluations())
    with publication(out) as version:
        export.to_netcdf(version / NAME, plan.points, plan.variables, folder, told)
        found = opened(version / NAME)
        (version / "study.yaml").write_text(_text(top), encoding="utf-8")
        (version / "report.txt").write_text(table.render(found), encoding="utf-8")
        (version / ASKED).write_text(question, encoding="utf-8")
        found.close()
    folder.remove()
    return opened(out / NAME)


def plan_of(
    top: Node,
    axes: Mapping[str, Any] | Node,
    samples: int | None = None,
    method: str = "grid",
    optimize: bool = False,
    quantities: Sequence[str] = (),
    seed: int = 0,
) -> Plan | Search:
    """Read a study with axes; see `sweep`.

    Raises:
      StudyError: a path, a value or a quantity is wrong.
    """
    if method not in METHODS:
        raise StudyError(f"sweep method must be one of {', '.join(METHODS)}")
    if (method == "grid") != (samples is None):
        raise StudyError(
            "sweep: samples go with the methods latin_hypercube and sobol, a grid has"
            " its values"
        )
    if samples is not None and samples < 1:
        raise StudyError(f"sweep: samples must be at least 1, but are {samples}")
    refuse_several(top)
    node = axes if isinstance(axes, Node) else document_of(axes)
    read = read_axes(node, method != "grid")
    points = Points(read, method, samples or 0, seed)
    if points.count > MOST_POINTS:
        raise StudyError(
            f"sweep: has {points.count} points, but {MOST_POINTS} are the most"
        )
    objective, limited = _wanted(top)
    serves = "serving" in top.mapping()
    names = tuple(asked(quantities, objective.name, limited, serves))
    if optimize:
        return search_of(points, top, names, seed)
    read, cells = read_cells(top, read)
    return Plan(Points(read, method, samples or 0, seed), tuple(cells), names)


def seed_of(top: Node) -> int:
    """Return the seed that a study says, 0 if it says none.

    Raises:
      StudyError: it is no whole number from 0.
    """
    node = top.mapping().get("seed")
    if node is None:
        return 0
    whole = isinstance(node.value, int) and not isinstance(node.value, bool)
    if not whole or node.value < 0:
        node.fail(f"must be a whole number from 0, but is {node.described()}")
    return node.value


def document_from(study: Node | Mapping[str, Any] | str | Path) -> Node:
    """Return a study as a document.

    Raises:
      InputError: it is none.
    """
    if isinstance(study, Node):
        return study
    if isinstance(study, Path):
        return document.read(study)
    if isinstance(study, Mapping):
        study = yaml.safe_dump(dict(study), sort_keys=False)
    return document.parse(study, "study")


def opened(path: Path) -> xr.Dataset:
    """Read a stored sweep: whole, or piece by piece as it is asked for if it is large.

    Raises:
      Damaged, OSError, ValueError, KeyError, RuntimeError: see `store.load`.
    """
    if path.stat().st_size <= _WHOLE:
        return store.load(path)
    return xr.open_dataset(path.resolve(), engine="h5netcdf", decode_times=False)


def _is(path: Path, text: str) -> bool:
    return path.is_file() and path.read_text(encoding="utf-8") == text


def _wanted(top: Node) -> tuple[Objective, list[str]]:
    """Return the objective of a study and what it limits."""
    written = top.mapping()
    if "objective" not in written:
        raise StudyError(f"{top.place}: the study lacks `objective`")
    refuse_draws(written, "a sweep")
    limits = written["constraints"].mapping() if "constraints" in written else {}
    return read_objective(written["objective"]), list(limits)


def _folder(place: Path, plan: Plan | Search) -> Folder:
    return Folder(place, plan.points.count, plan.chunk)


def _work(
    plan: Plan | Search,
    top: Node,
    folder: Folder,
    resume: bool,
    client: contextlib.AbstractContextManager[Any] | None,
    tell: Progress,
) -> None:
    """Do the chunks that are missing."""
    folder.place.parent.mkdir(parents=True, exist_ok=True)
    folder.begin(_question(plan, top), plan.variables, resume)
    with locking.locked(folder.place, patience=0.0):
        missing = folder.missing()
        done, before = folder.points_done(), folder.evaluations()
        tell(done, folder.count, 0)
        if client is not None and missing:
            with client as connected:
                processes.everywhere(
                    connected,
                    plan,
                    folder,
                    missing,
                    lambda: tell(
                        folder.points_done(),
                        folder.count,
                        folder.evaluations() - before,
                    ),
                )
            return
        group, evaluated = folder.opened(), 0
        for chunk in missing:
            evaluated += processes.do(plan, folder, group, chunk)
            start, stop = folder.span(chunk)
            done += stop - start
            tell(done, folder.count, evaluated)


def _remembered(plan: Plan | Search, top: Node, tell: Progress) -> xr.Dataset:
    """Do all in memory."""
    count = plan.points.count
    found = {v.name: np.empty(count, v.kind) for v in plan.variables}
    evaluated = 0
    for start in range(0, count, plan.chunk):
        stop = min(start + plan.chunk, count)
        told, evaluations = plan.found(start, stop)
        evaluated += evaluations
        for name, values in told.items():
            found[name][start:stop] = values
        tell(stop, count, evaluated)
    told = _attributes(plan, top, evaluated)
    return export.in_memory(plan.points, plan.variables, found, told)


def _attributes(plan: Plan | Search, top: Node, evaluations: int) -> dict[str, Any]:
    objective, _ = _wanted(top)
    subject = subject_of(top, plan.points.axes)
    return attributes(plan.points, _text(top), objective, subject, evaluations)


def _question(plan: Plan | Search, top: Node) -> dict[str, Any]:
    """Return all that decides the numbers of a sweep."""
    points = plan.points
    axes = [[a.path, list(a.values), a.log] for a in points.axes]
    return {
        "study": json.dumps(top.plain(), sort_keys=True, default=str),
        "axes": axes,
        "method": points.method,
        "samples": points.samples,
        "seed": points.seed,
        "quantities": list(plan.names),
        "optimize": isinstance(plan, Search),
        "program": [versions(), git_commit()],
    }


def _text(top: Node) -> str:
    return yaml.safe_dump(top.plain(), sort_keys=False, allow_unicode=True)
