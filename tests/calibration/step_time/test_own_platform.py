"""A user's own sweep: made with known constants, calibrated, used by `validate`."""

import io
import json
from pathlib import Path

import numpy as np
import pytest

from supernode_opt.calibration.data.interpret import interpret, interpret_all
from supernode_opt.calibration.data.runs import Run, read
from supernode_opt.calibration.step_time import own_platform, shipped, user
from supernode_opt.calibration.step_time.constants import INDEX
from supernode_opt.calibration.step_time.fit import predict, table
from supernode_opt.calibration.step_time.leftover import (
    Leftover,
    left_over,
    sentence,
)
from supernode_opt.catalog.own import OWN_CATALOG
from supernode_opt.reading.node import InputError
from tests.calibration.rows import run
from tests.calibration.rows import table as written
from tests.calibration.step_time.test_shell import shell

SWEEP = Path(__file__).resolve().parents[4] / "shared/bulk/nanotron_h100_sweep.csv"
SIZES = {
    "small": {"layers": "16", "hidden": "2048", "ffn": "8192"},
    "middle": {"layers": "28", "hidden": "3072", "ffn": "8192"},
    "large": {"layers": "32", "hidden": "4096", "ffn": "14336"},
}
# Tensor ranks, stages, micro-batch, chips, ZeRO stage.
PLANS = [
    *((1, 1, 1, c, z) for c in (32, 128) for z in (0, 1)),
    *((4, 1, 4, c, z) for c in (64, 256) for z in (0, 1)),
    *((t, 1, m, 64, 1) for t in (2, 8, 16, 32) for m in (1, 4)),
    *((t, p, m, 128, 1) for t in (1, 4, 8) for p in (2, 4) for m in (1, 4)),
    *((t, 4, 1, 512, 1) for t in (2, 8)),
]
TRUE = {
    "gemm_efficiency": 0.75,
    "kernel_time": 60e-6,
    "scale_out_efficiency": 0.6,
    "ring_latency": 60e-6,
    "staged_latency": 0.8e-3,
    "exchange_wait": 0.1,
    "bucket_latency": 80e-6,
    "step_overhead": 30e-3,
}


def rows(size, seconds=()):
    """Rows of one model on every plan, with step times if given."""
    common = {"stack": "nanotron", "source": "", "seq_len": "4096", "gbs": "256"}
    common |= {"kv_heads": "32", "vocab": "131072", "model": size, **SIZES[size]}
    made = []
    for number, (t, p, m, chips, zero) in enumerate(PLANS):
        cells = {"tp": t, "pp": p, "mbs": m, "n_accel": chips, "fsdp_or_zero": zero}
        cells = {name: str(value) for name, value in cells.items()}
        cells["iter_time_s"] = str(seconds[number]) if len(seconds) else "1.0"
        made.append(run(run_id=f"{size} {number}", **common, **cells))
    return made


@pytest.fixture(scope="module")
def truth():
    """The platform that made the sweep."""
    job = interpret(rows("small")[0])
    prior = user.own_prior(shipped.posterior(), "hopper", job.stack.fitted)
    mean = prior.mean.copy()
    for name, value in TRUE.items():
        mean[INDEX[name]] = np.log(value)
    covariance = np.diag(prior.spread**2)
    return user.Posterior(prior.names, mean, covariance, (), {"dense": 0.05})


@pytest.fixture(scope="module")
def sweeps(truth):
    """Measured rows by size: what the model says, and 3 % of scatter."""
    draw = np.random.default_rng(1)
    made = {}
    for size in SIZES:
        jobs = [interpret(row) for row in rows(size)]
        seconds = predict(table(jobs), truth)[0][:, 0]
        made[size] = rows(size, seconds * np.exp(draw.normal(0.0, 0.03, len(jobs))))
    return made


@pytest.fixture(scope="module")
def calibrated(sweeps, tmp_path_factory):
    """The folder and the answer of `calibrate` on the smallest and the largest."""
    folder = tmp_path_factory.mktemp("own")
    path = written(folder / "runs.csv", *sweeps["small"], *sweeps["large"])
    from supernode_opt.answer import fits

    answer, files = fits.fitted([path], "mine", 0, lambda what, done: None)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder, answer


def test_constants_of_a_sweep_are_found_again(calibrated):
    found = {one["name"]: one for one in calibrated[1]["constants"]}
    for name in ("kernel_time", "ring_latency", "staged_latency", "exchange_wait"):
        assert found[name]["identified"]
        assert found[name]["value"] == pytest.approx(TRUE[name], rel=0.1)
    assert calibrated[1]["left_over"] == []
    assert calibrated[1]["cross_validated"]["median"] < 0.05


def test_validate_uses_the_platform_on_a_size_it_has_not_seen(
    calibrated, sweeps, capsys, tmp_path, monkeypatch
):
    monkeypatch.setenv(OWN_CATALOG, str(calibrated[0]))
    other = run(run_id="other chip", accelerator="A100")
    path = written(tmp_path / "runs.csv", *sweeps["middle"], other)
    words = ("validate", "--platform", "mine", "--runs", str(path))
    code, printed, _ = shell(capsys, *words, "--json")
    assert code == 0
    answer = json.loads(printed)
    assert answer["platform"] == "mine"
    *told, refused = answer["rows"]
    assert "not of the platform's family" in refused["refused"]
    assert {row["stack"] for row in told} == {"nanotron"}
    assert not any(row["fitted"] for row in told)
    overall = answer["groups"]["never_fitted"]["overall"]
    assert overall["median"] < 0.04
    assert overall["coverage"] >= 0.8
    # Rows that were fitted are known again, whatever file they are in.
    path = written(tmp_path / "seen.csv", *sweeps["small"])
    words = (*words[:-1], str(path))
    code, printed, _ = shell(capsys, *words, "--json")
    assert all(row["fitted"] for row in json.loads(printed)["rows"])


def test_a_platform_that_nobody_wrote_is_refused(calibrated, capsys, monkeypatch):
    monkeypatch.setenv(OWN_CATALOG, str(calibrated[0]))
    code, printed, error = shell(capsys, "validate", "--platform", "mien")
    assert code == 2
    assert printed == ""
    assert "did you mean `mine`?" in error
    assert error.count("\n") == 1


def test_a_platform_is_read_as_it_was_written(calibrated, tmp_path):
    known = own_platform.read(calibrated[0] / own_platform.FILE)
    assert known.platform.stack == "nanotron"
    again = own_platform.text(*known)
    assert again == (calibrated[0] / own_platform.FILE).read_text(encoding="utf-8")
    assert {one.stack for one in known.posterior.points} == {"mine"}
    wrong = [again.replace("kernel_time", "kernel_tine")]
    wrong.append(again.replace('"chips": ', '"chips": -'))
    for damage in ("{", "[]", *wrong):
        path = tmp_path / own_platform.FILE
        path.write_text(damage, encoding="utf-8")
        with pytest.raises(InputError, match="is no posterior"):
            own_platform.read(path)


def test_studies_rest_on_the_runs_that_their_software_was_fitted_to(
    calibrated, monkeypatch
):
    assert own_platform.behind("mine") is None
    monkeypatch.setenv(OWN_CATALOG, str(calibrated[0]))
    fitted = own_platform.behind("mine")
    assert len(fitted.points) == len(fitted.rows) == calibrated[1]["rows"]
    # Shipped software has its own evidence, whatever lies in the folder.
    assert own_platform.behind("nemo_h100") is None
    assert own_platform.behind("mien") is None


def test_errors_before_the_fit_stand_beside_those_after_it(calibrated):
    from rich.console import Console

    from supernode_opt.cli.calibrate_runs import tables

    answer = calibrated[1]
    # The platform that made the sweep differs from what was known of its stack.
    assert answer["before"]["mape"] > 2.0 * answer["cross_validated"]["mape"]
    crossed = answer["cross_validated"] | {"mape": 2.0 * answer["before"]["mape"]}
    for wrong, told in ((answer, False), (answer | {"cross_validated": crossed}, True)):
        console = Console(width=100, record=True, file=io.StringIO())
        console.print(tables(wrong))
        text = console.export_text()
        assert "error before the fit" in text
        assert ("no better than before the fit" in text) == told


def test_an_entry_of_an_eager_platform_can_be_used(calibrated, monkeypatch):
    from supernode_opt import catalog
    from supernode_opt.catalog import read as reading

    monkeypatch.setenv(OWN_CATALOG, str(calibrated[0]))
    reading.document.cache_clear()
    try:
        entry = catalog.load("software", "mine")
        assert entry.eager
        assert entry.exchange_wait == pytest.approx(TRUE["exchange_wait"], rel=0.1)
    finally:
        monkeypatch.delenv(OWN_CATALOG)
        for cache in (reading.document, reading.load, reading._provenance):
            cache.cache_clear()


def test_what_is_left_over_is_told_in_words():
    jobs = tuple(interpret(row) for size in SIZES for row in rows(size))
    plans = [job.plans[0].sizes for job in jobs]
    across = np.asarray([plan["tensor_parallel"] > 8.0 for plan in plans])
    scatter = np.random.default_rng(0).normal(0.0, 0.03, len(jobs))
    measured = np.exp(scatter) * np.where(across, 1.35, 1.0)
    memory = np.full(len(jobs), 0.5)
    first, *others = left_over(jobs, memory, np.ones(len(jobs)), measured)
    assert first.runs == "with tensor parallelism across domains"
    assert first.rows == across.sum() == 12
    assert first.slower == pytest.approx(0.35, abs=0.03)
    assert not others
    assert sentence(Leftover("on 8 chips in one stage", 41, -0.2, 0.05)) == (
        "left over: runs on 8 chips in one stage are 20 % faster than fitted (41 rows)"
    )


def test_rows_without_a_name_are_known_by_what_they_say():
    one = Run({"tp": "1", "stack": "a"}, 2)
    assert one.identity == Run({"tp": "1", "stack": "b"}, 7).identity
    assert one.identity != Run({"tp": "2", "stack": "a"}, 2).identity
    assert run(run_id="x").identity == "x"


@pytest.mark.skipif(not SWEEP.exists(), reason="the published sweep is not at hand")
def test_a_published_sweep_of_another_size():
    """Of every eighth run of nanotron's 1B sweep the fit predicts 8B, half to 20 %."""
    jobs = interpret_all(read(SWEEP)).jobs[::8]
    small = [job for job in jobs if job.run.text("model") == "1B"]
    large = [job for job in jobs if job.run.text("model") == "8B"]
    found = user.calibrate(small, shipped.posterior(), 0, lambda what, done: None)
    told = predict(table(large), found.posterior)[0][:, 0]
    measured = np.asarray([job.seconds for job in large])
    assert np.median(np.abs(told / measured - 1.0)) < 0.20
