"""The measured runs that calibrations were fitted to or judged by, as points.

`runs.csv` is written by `benchmarks/evidence.py` from the tables that a refit reads:
one line per shipped run with a step time; of tables that are not shipped one for all
runs of a model, chip count and sequence, with how many they are and the geometric mean
of their splits.  Interpreting those tables anew would take longer than an answer.
"""

import csv
import functools
import io
from collections.abc import Collection, Iterable, Mapping, Sequence
from importlib import resources

import numpy as np

from supernode_opt.batch.kept import Kept
from supernode_opt.batch.precise import precise
from supernode_opt.calibration.data.interpret import Job
from supernode_opt.calibration.data.plans import Plan
from supernode_opt.calibration.data.platforms import platform_of
from supernode_opt.calibration.evidence.distance import SIZES, Point, Points, points
from supernode_opt.calibration.step_time.fit import family_of
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.model import Model, Training
from supernode_opt.workload.parameters import parameters

_LABELS = ("chip", "stack", "kind", "precision")
_count = Kept(parameters, "parameters", quick=True)


@functools.cache
def _parameters(model: Model) -> float:
    # Single precision would place a study elsewhere than the row that it is.
    with precise():
        return float(_count(model))


def kind_of_model(model: Model) -> str:
    """Return the kind of a model, whose residual noise it shares."""
    return "moe" if model.experts else "dense"


def of_job(job: Job, plan: Plan) -> Point:
    """Return the point of a row, taken to have run with `plan`."""
    return _point(job.chip, job.stack.counted, job.model, job.training, plan.sizes)


def of_scenario(scenario: Scenario, split: Mapping[str, float | str]) -> Point:
    """Return the point of a scenario with the sizes of a split."""
    platform = platform_of(scenario.software.name)
    stack = "" if platform is None else platform.counted
    chip, training = scenario.chip.name, scenario.training
    return _point(chip, stack, scenario.model, training, split)


def _point(
    chip: str,
    stack: str,
    model: Model,
    training: Training,
    split: Mapping[str, float | str],
) -> Point:
    sizes = {
        **split,
        "parameters": _parameters(model),
        "sequence_length": training.sequence_length,
    }
    return Point(
        chip,
        family_of(chip),
        stack,
        kind_of_model(model),
        training.precision,
        training.lora_rank > 0.0,
        tuple(float(sizes[name]) for name in SIZES),
    )


@functools.cache
def _table() -> list[dict[str, str]]:
    file = resources.files("supernode_opt.calibration.evidence").joinpath("runs.csv")
    return list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))


@functools.cache
def runs() -> Points:
    """Return every run that is known."""
    rows = _table()
    return points(
        [row["run"] for row in rows],
        [
            Point(
                **{name: row[name] for name in _LABELS},
                family=family_of(row["chip"]),
                adapters=row["adapters"] == "1",
                sizes=tuple(float(row[name]) for name in SIZES),
            )
            for row in rows
        ],
    )


@functools.cache
def said() -> tuple[str, ...]:
    """Return what people may call every line of `runs`."""
    return tuple(row["said"] for row in _table())


@functools.cache
def counts() -> np.ndarray:
    """Return how many runs every line of `runs` stands for [line]."""
    return np.asarray([int(row["runs"]) for row in _table()])


@functools.lru_cache(maxsize=8)
def fitted(rows: tuple[str, ...]) -> np.ndarray:
    """Tell which runs are among `rows`, the rows of a fit [run]."""
    return np.isin(runs().names, np.asarray(rows, dtype=str))


def written(jobs: Iterable[Job], shipped: Collection[str]) -> str:
    """Return `runs.csv` for some jobs, each with its first plan.

    Jobs that are not named in `shipped` are told of together, see above.
    """
    alike: dict[tuple, list[Job]] = {}
    for job in jobs:
        key = (job.run.name,) if job.run.name in shipped else _summed(job)
        alike.setdefault(key, []).append(job)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["run", "said", "runs", *_LABELS, "adapters", *SIZES])
    for members in alike.values():
        every = [of_job(job, job.plans[0]) for job in members]
        one, name = every[0], members[0].run.name
        labels = [getattr(one, label) for label in _LABELS]
        sizes = np.asarray([other.sizes for other in every])
        if len(every) > 1:
            sizes = np.exp2(np.log2(sizes).mean(axis=0, keepdims=True)).round(3)
        called = name if name in shipped else _called(members)
        told = sizes[0].tolist()
        row = [name, called, len(members), *labels, int(one.adapters), *told]
        writer.writerow(row)
    return text.getvalue()


def _summed(job: Job) -> tuple:
    one = of_job(job, job.plans[0])
    sizes = dict(zip(SIZES, one.sizes, strict=True))
    scale = [sizes[name] for name in ("chips", "parameters", "sequence_length")]
    return (*one._replace(sizes=()), *scale)


def _called(members: Sequence[Job]) -> str:
    source = members[0].run.text("source").split("@")[0].split("/")[-1]
    return f"{len(members)} runs of {source}"
