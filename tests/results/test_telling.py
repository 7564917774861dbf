"""What every kind of saved result says, from its dataset alone."""

import numpy as np
import pytest
import xarray as xr

from supernode_opt.names import practice_words, split_words
from supernode_opt.reading.node import StudyError
from supernode_opt.results import kinds, store, table
from supernode_opt.results.telling import parts, sweep
from tests.results.kinds import MADE


def told(kind):
    return {part.name: part for part in kinds.told(MADE[kind]())}


@pytest.mark.parametrize("kind", MADE)
def test_every_kind_is_known_by_its_dataset(kind, tmp_path):
    dataset = MADE[kind]()
    file = store.save(dataset, tmp_path / kinds.KINDS[kind].file)
    # By its own name, and by that of the folder.
    for path in (file, tmp_path):
        found, back = kinds.load(path)
        assert found == kind
        assert table.render(back) == table.render(dataset)


@pytest.mark.parametrize("kind", MADE)
def test_text_fits_eighty_columns(kind):
    text = table.render(MADE[kind]())
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text


@pytest.mark.parametrize("kind", MADE)
def test_it_can_be_told_as_one_object(kind):
    found = kinds.summary(MADE[kind]())
    assert store.plain(found) == found
    assert found


def test_a_joint_answer_tells_what_sharing_costs_every_job():
    found = told("joint")
    assert found["answer"].lines[-1] == (
        "The weighted geometric mean of tokens per s is 2680000 token/s."
    )
    rows = [row.cells[:4] for row in found["jobs"].grids[0].rows]
    assert rows[0] == (
        "Pangu Ultra MoE 718B",
        "1800000 token/s",
        "1440000 to 2160000 token/s",
        "90 %",
    )
    assert rows[1][3] == "100 %"
    # What is known to within nothing needs no word.
    assert len(found["jobs"].lines) == 1
    assert found["why"].lines == ("Binding: power, 150 kW of 150 kW.",)


def test_errors_of_a_validation():
    (row, seen) = told("validation")["answer"].grids[0].rows
    # Of +10, -10 and +20 %; two of three lie inside their ranges.
    assert row.cells == (
        "never fitted",
        "3",
        "13.3 %",
        "10.0 %",
        "18.0 %",
        "+6.7 %",
        "67 %",
    )
    assert seen.cells[:2] == ("fitted", "1")
    assert told("validation")["refused"].lines == ("1: no chips",)


def test_a_front_says_its_ends_its_knee_and_what_is_not_shown():
    found = told("front")
    assert found["answer"].lines == (
        "The front in 4 designs; where a better one may lie is 0.2 % of the"
        " hypervolume.",
        "maximize MFU by itself: 40 % (proved).",
        "minimize power by itself: 10 kW (proved).",
        "All have TP 2, scale-up link copper.",
    )
    rows = found["answer"].grids[0].rows
    assert [row.mark for row in rows] == ["", "strong", "", ""]
    assert rows[2].cells == ("36 %", "30 kW", "best found", "0.5 %", "24 chips")
    assert found["slopes"].lines[0].startswith("Knee: MFU 35 %, power 20 kW")
    # 1e-5 per watt, of 1 % of 20 kW.
    assert found["slopes"].grids[0].rows[1].cells == (
        "20 kW",
        "power",
        "MFU",
        "+0.2 points",
    )
    assert found["certificate"].lines == (
        "0.1 % was asked for: more searches or boxes get nearer.",
    )


def test_a_sweep_names_its_best_point_that_meets_every_limit():
    found = told("sweep")
    assert "4 can be built, of which 3 meet every limit" in found["answer"].lines[0]
    rows = {row.cells[0]: row.cells[1:] for row in found["answer"].grids[0].rows}
    assert rows["scale-up domain"][0] == "16"
    assert rows["scale-up bandwidth"][0] == "50 GB/s"
    assert rows["MFU"] == ("40 %", "30 %", "40 %")
    assert found["why"].grids[0].rows[0].cells == ("power", "3", "75.0 %")


def test_an_optimized_sweep_says_what_it_found_at_its_best_point():
    dataset = MADE["sweep"]()
    dims, shape = dataset["legal"].dims, dataset["legal"].shape
    dataset["status"] = dims, np.full(shape, "proved")
    dataset["design_tensor_parallel"] = dims, np.full(shape, 8.0)
    dataset["design_recompute"] = dims, np.full(shape, "selective")
    dataset["design_scale_up_bandwidth"] = dims, np.full(shape, 4e11), {"units": "B/s"}
    study = "design: {tensor_parallel: [4, 8], scale_up_bandwidth: {low: 1, high: 2}}"
    dataset.attrs["study"] = study
    lines = sweep.told(dataset)[1].lines
    assert lines[1] == f"Each point was optimized ({dataset['legal'].size} proved)."
    assert lines[2] == (
        "At the best point: TP 8, selective recompute, scale-up bandwidth 400 GB/s."
    )


def test_a_sweep_without_a_feasible_point():
    dataset = MADE["sweep"]()
    dataset["feasible"] = dataset["feasible"] & False
    text = table.render(dataset)
    assert "No point meets every limit." in text


def test_what_is_no_result_is_refused(tmp_path):
    store.save(xr.Dataset({"x": ((), 1.0)}), tmp_path / "a.nc")
    with pytest.raises(StudyError, match="is not a result"):
        kinds.load(tmp_path / "a.nc")
    with pytest.raises(StudyError, match="there is no result in this folder"):
        kinds.load(tmp_path)
    with pytest.raises(StudyError, match="there is no such result"):
        kinds.load(tmp_path / "b.nc")


def test_what_lacks_a_part_is_refused_in_one_line():
    dataset = MADE["sweep"]().drop_vars("legal")
    with pytest.raises(StudyError, match="cannot be read as a sweep") as caught:
        kinds.told(dataset)
    assert "\n" not in str(caught.value)


def test_a_part_of_nothing_is_nothing():
    assert not parts.Part("why", "Why", (), (parts.grid(("a",), []),))
    assert parts.Part("why", "Why", ("so",))


def test_splits_are_written_as_the_field_writes_them():
    design = {"tensor_parallel": 8.0, "pipeline_parallel": 4.0, "data_parallel": 1.0}
    design |= {"optimizer_sharding": "zero1", "recompute": "none"}
    design |= {"sequence_parallel": "on", "chips": np.float64(32)}
    assert split_words(design) == "TP 8 PP 4"
    assert practice_words(design) == ["ZeRO-1", "sequence parallel"]
