"""A stored result holds its numbers, units, question and provenance."""

import dataclasses
import json
import types
import typing

import numpy as np
import pytest

from supernode_opt.plot import FIGURES, draw_all
from supernode_opt.results import store
from supernode_opt.system.report import PARTS, SCALARS, Report
from supernode_opt.system.scenario import Scenario
from supernode_opt.units import quantities


def filled(record_type: type, **given):
    """Make a record whose numbers are 1, 2, 3, ... in the order of its fields.

    Shares are 1, 1/2, 1/3, ...

    Args:
      record_type: of the record; what it need not have it has not.
      **given: fields that are otherwise: their values, or the type of one that is
        filled so, too.
    """
    hints = typing.get_type_hints(record_type)
    bounded = {name for name, found in quantities(record_type) if found.high == 1.0}
    values = {}
    for index, field in enumerate(dataclasses.fields(record_type), start=1):
        hint = hints[field.name]
        if isinstance(hint, types.UnionType):
            hint = typing.get_args(hint)[0]
        if field.name in given:
            found = given[field.name]
            values[field.name] = filled(found) if isinstance(found, type) else found
        elif field.metadata.get("static") or field.default is None:
            continue
        elif typing.get_origin(hint) is tuple:
            values[field.name] = (filled(typing.get_args(hint)[0]),)
        elif dataclasses.is_dataclass(hint):
            values[field.name] = filled(hint)
        else:
            share = field.name in bounded
            values[field.name] = 1.0 / index if share else float(index)
    return record_type(**values)


CONSTRAINTS = [
    types.SimpleNamespace(
        name="power",
        value=550e3,
        limit=559e3,
        at_most=True,
        margin=0.016,
        multiplier=None,
        tight=False,
    )
]
HISTORY = {
    "step": np.arange(3),
    "best_objective": np.array([np.nan, 0.3, 0.4]),
    "worst_violation": np.array([0.5, 0.1, 0.0]),
    "worst_constraint": ["memory_fraction", "power", "power"],
}
OPERATORS = {
    "name": ("gemm", "norm"),
    "flops": np.array([1e15, 1e10]),
    "bytes": np.array([1e12, 1e10]),
    "time": np.array([2.0, 0.1]),
}


@pytest.fixture
def dataset():
    return store.to_dataset(
        "system: cloudmatrix384\n# µ\n",
        {"chips": 384.0, "scale_up_link": "lpo", "chip.tdp": 700.0},
        filled(Scenario),
        filled(Report),
        seed=7,
        constraints=CONSTRAINTS,
        history=HISTORY,
        operators=OPERATORS,
        notes={
            "certificate": {"gap": np.float64(0.01), "agree": np.True_, "x": np.nan}
        },
    )


def test_comes_back_as_it_went(dataset, tmp_path):
    path = store.save(dataset, tmp_path / "new" / "design.nc")
    back = store.load(path)
    assert back.identical(dataset)
    assert [file.name for file in path.parent.iterdir()] == ["design.nc"]


def test_every_quantity_has_its_unit(dataset):
    assert dataset["step_time"].attrs == {"units": "s", "long_name": "step time"}
    assert dataset["power_parts"].attrs["units"] == "W"
    assert dataset["tokens_per_joule"].attrs["units"] == "token/J"
    assert dataset["mfu"].attrs["units"] == "1"
    assert dataset["design_chip.tdp"].attrs["units"] == "W"
    assert dataset["design_scale_up_link"].item() == "lpo"
    assert all("units" in dataset[name].attrs for name in FIELDS)


FIELDS = (*SCALARS, *PARTS)


def test_parts_keep_their_names_and_order(dataset):
    assert list(dataset["step_part"].values[:2]) == ["gemm", "attention"]
    assert float(dataset["step"].sel(step_part="bubble")) == 13.0


def test_says_where_it_comes_from(dataset):
    assert dataset.attrs["study"].startswith("system: cloudmatrix384")
    assert dataset.attrs["seed"] == 7
    assert {"python", "jax", "optax"} <= set(json.loads(dataset.attrs["versions"]))
    assert dataset.attrs["created"].endswith("+00:00")
    assert dataset.attrs["git_commit"]


def test_notes_are_plain_json(dataset):
    assert store.note(dataset, "certificate") == {"gap": 0.01, "agree": True, "x": None}
    assert store.note(dataset, "alternatives") is None


def test_unknown_multipliers_are_not_numbers(dataset):
    assert np.isnan(dataset["constraint_multiplier"].sel(constraint="power"))
    assert dataset["constraint_unit"].sel(constraint="power").item() == "W"


def test_long_studies_fit(dataset, tmp_path):
    dataset.attrs["study"] = "x" * 300_000
    assert store.load(store.save(dataset, tmp_path / "a.nc")).attrs == dataset.attrs


def test_interrupted_write_keeps_the_old_file(dataset, tmp_path):
    path = store.save(dataset, tmp_path / "design.nc")
    before = path.read_bytes()
    dataset.attrs["broken"] = object()
    with pytest.raises(TypeError):
        store.save(dataset, path)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["design.nc"]


def test_everything_draws_from_the_file(dataset, tmp_path):
    # A search knows how its optimum moves with constants.
    found = dataset.assign_coords(constant=["chip.tdp", "facility.pue"])
    found["elasticity"] = ("constant", [0.3, -0.1])
    back = store.load(store.save(found, tmp_path / "design.nc"))
    assert len(draw_all(back, tmp_path)) == len(FIGURES)


def test_an_evaluation_needs_no_search(tmp_path):
    bare = store.to_dataset("", {}, filled(Scenario), filled(Report))
    back = store.load(store.save(bare, tmp_path / "a.nc"))
    assert [path.stem for path in draw_all(back, tmp_path)] == [
        "step_waterfall",
        "power_stack",
    ]
