import json

import pytest

from supernode_opt.calibration.evidence.told import GRADES
from supernode_opt.cli import main
from tests.calibration.rows import run, table


def shell(capsys, *words):
    with pytest.raises(SystemExit) as stopped:
        main(list(words))
    said = capsys.readouterr()
    return stopped.value.code, said.out, said.err


@pytest.fixture
def runs(tmp_path):
    """Eleven runs: ten to fit or judge, one to refuse."""
    rows = [
        run(run_id=f"r{i}", mbs=str(1 + i % 2), split_group=f"g{i % 3}")
        for i in range(10)
    ]
    return table(tmp_path / "runs.csv", *rows, run(run_id="state", arch="ssm"))


def test_validate_prints_every_row_with_its_interval(capsys, runs, tmp_path):
    out = tmp_path / "out"
    code, printed, _ = shell(
        capsys, "validate", "--runs", str(runs), "--out", str(out), "--json"
    )
    assert code == 0
    answer = json.loads(printed)
    *rows, refused = answer["rows"]
    assert refused == {
        "run_id": "state",
        "refused": "state-space layers are not modelled",
    }
    for row in rows:
        assert row["low_s"] < row["predicted_step_time_s"] < row["high_s"]
        assert row["measured_step_time_s"] == 7.0
        assert not row["fitted"]
    overall = answer["groups"]["never_fitted"]["overall"]
    assert overall["rows"] == 10
    assert {"mape", "median", "p90", "bias", "worst", "spearman", "regret"} <= set(
        overall
    )
    assert overall["baseline_mape"] == pytest.approx(0.0, abs=1e-9)
    names = {path.name for path in (out / "figures").iterdir()}
    drawn = ("predicted_measured", "error_by_parallelism")
    drawn += ("ratios_by_family", "evidence_map")
    assert names == {f"{name}.png" for name in drawn}
    assert overall["interval_score"] > 0.0
    assert set(answer["groups"]["never_fitted"]["grade"]) <= set(GRADES)
    assert all(row["evidence"]["grade"] in GRADES for row in rows)


def test_validate_prints_tables(capsys, runs):
    code, printed, _ = shell(capsys, "validate", "--runs", str(runs))
    assert code == 0
    for words in ("Rows never fitted, per platform", "by chip", "Refused rows: 1"):
        assert words in printed


def test_calibrate_writes_an_entry_that_studies_can_use(
    capsys, runs, tmp_path, monkeypatch
):
    out = tmp_path / "cal"
    code, printed, _ = shell(
        capsys,
        *("calibrate", "--runs", str(runs), "--platform", "mine", "--json"),
        *("--out", str(out)),
    )
    assert code == 0
    answer = json.loads(printed)
    assert answer["rows"] == 10
    assert answer["cross_validated"]["mape"] < 0.5
    by_name = {constant["name"]: constant for constant in answer["constants"]}
    assert not by_name["nvfp4_efficiency"]["identified"]
    # Its dataset tells and draws it.
    code, told, _ = shell(capsys, "explain", str(out))
    assert code == 0
    assert "of the fitted rows" in told
    assert f"{by_name['gemm_efficiency']['value']:.4g}" in told
    code, drawn, _ = shell(capsys, "plot", str(out))
    assert drawn.strip().endswith("constants.png")

    from supernode_opt import catalog
    from supernode_opt.catalog import read

    monkeypatch.setenv(read.OWN_CATALOG, str(out))
    read.document.cache_clear()
    try:
        entry = catalog.load("software", "mine")
        assert 0.0 < entry.gemm_efficiency <= 1.2
        # Of a source that nobody knows it hides what a stack of a user hides.
        assert entry.tensor_overlapped == 0.0
        assert entry.data_exposed < 1.0
        traced = read.provenance("software", "mine")["gemm_efficiency"]
        assert traced.low < traced.value <= traced.high
        assert "fit on 10 rows" in traced.source
    finally:
        monkeypatch.delenv(read.OWN_CATALOG)
        read.document.cache_clear()
        read.load.cache_clear()
        read._provenance.cache_clear()


@pytest.mark.parametrize("command", ["validate", "calibrate"])
@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "there is no such file"),
        ("model\nx\n", "has no column"),
    ],
)
def test_bad_tables_are_one_line_and_exit_code_2(
    capsys, tmp_path, command, text, words
):
    path = tmp_path / "runs.csv"
    if text is not None:
        path.write_text(text)
    extra = ("--platform", "mine") if command == "calibrate" else ()
    code, printed, error = shell(capsys, command, "--runs", str(path), *extra)
    assert code == 2
    assert printed == ""
    assert words in error
    assert "Traceback" not in error


def test_calibrate_needs_a_row_it_may_fit(capsys, tmp_path):
    path = table(tmp_path / "runs.csv", run(usable_for="validation"))
    code, _, error = shell(
        capsys, "calibrate", "--runs", str(path), "--platform", "mine"
    )
    assert code == 2
    assert "validation" in error
