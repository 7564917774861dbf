"""`measure` on this very machine: stopped, killed, continued, and its files used."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jax
import numpy as np
import pytest
import xarray as xr

from supernode_opt import Training, build_design, catalog, evaluate
from supernode_opt.cli import main
from supernode_opt.measure.journal import Journal
from supernode_opt.workload.model import Model
from tests.catalog.test_entries import check_ranges
from tests.measure.conftest import PLAN

ROOT = Path(__file__).resolve().parents[2]
CODE = "import sys; from supernode_opt.cli import main; sys.exit(main())"
# One program for the entries as measured and as calibrated.
EVALUATE = jax.jit(evaluate)


class Runner:
    """Starts the command in a folder, again and again."""

    def __init__(self, folder: Path) -> None:
        self.out = folder / "out"
        self.journal = folder / ".out.resume" / "journal.jsonl"
        self.words = ["measure", "--quick", "--name", "this_box", "--out", "out"]
        self._folder = folder
        self.cache = folder.parent / "cache"
        own = {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(self.cache)}
        self._env = {**os.environ, **own}

    def start(self) -> subprocess.Popen:
        return subprocess.Popen(
            [sys.executable, "-W", "error", "-c", CODE, *self.words],
            cwd=self._folder,
            env=self._env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def lines(self) -> list[str]:
        text = self.journal.read_text() if self.journal.exists() else ""
        return text.splitlines()

    def kill_after(self, count: int) -> int:
        """Kill the command once the journal has `count` lines; return its exit code."""
        process, patience = self.start(), time.monotonic() + 120.0
        while len(self.lines()) < count and process.poll() is None:
            assert time.monotonic() < patience
            time.sleep(0.05)
        process.kill()
        process.communicate(timeout=60)
        return process.returncode


def interrupted_after(count):
    """Return a `Journal.add` that presses Ctrl-C once there are `count` points."""
    add = Journal.add

    def adding(journal, entry):
        add(journal, entry)
        if len(journal.entries) == count:
            signal.raise_signal(signal.SIGINT)

    return adding


def test_a_machine_is_measured_whatever_happens(
    tmp_path, monkeypatch, own_catalog, capsys
):
    runner = Runner(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(runner.cache))
    add = Journal.add
    monkeypatch.setattr(Journal, "add", interrupted_after(4))
    with pytest.raises(SystemExit) as stopped:
        main(runner.words)
    monkeypatch.setattr(Journal, "add", add)
    said = capsys.readouterr().err
    assert stopped.value.code == 130
    assert "measured points kept in .out.resume/journal.jsonl; run again with" in said
    assert f"supernode-opt {' '.join(runner.words)}" in said
    assert not runner.out.exists()
    interrupted = runner.lines()
    assert len(interrupted) >= 4

    stopped = runner.kill_after(len(interrupted) + 3)
    assert stopped == -signal.SIGKILL
    assert not runner.out.exists()
    killed = runner.lines()
    assert killed[: len(interrupted)] == interrupted
    with runner.journal.open("a") as file:
        file.write('{"section": "ge')  # what a crash in the middle of a write leaves

    # Another seed is another measurement.
    with pytest.raises(SystemExit) as stopped:
        main([*runner.words, "--seed", "7"])
    assert stopped.value.code == 2
    assert "the seed was 0 and is 7 now" in capsys.readouterr().err

    with pytest.raises(SystemExit) as stopped:
        main([*runner.words, "--json"])
    printed, said = capsys.readouterr()
    assert stopped.value.code == 0, said
    assert not runner.journal.exists()
    finished = (runner.out / "journal.jsonl").read_text().splitlines()
    assert finished[: len(killed)] == killed
    keys = [(e["section"], str(e["sizes"])) for e in map(json.loads, finished[1:])]
    assert len(keys) == len(set(keys))
    _check_answer(json.loads(printed), runner.out)
    _check_dataset(runner.out)

    own_catalog(runner.out)
    for kind in ("chip", "host", "software"):
        check_ranges(catalog.provenance(kind, "this_box"))
    _check_evaluation()
    _check_calibration(runner.out, tmp_path / "calibrated", capsys)
    own_catalog(runner.out, tmp_path / "calibrated")
    traced = catalog.provenance("software", "this_box")
    assert traced["gemm_efficiency"].confidence == "fit"
    assert traced["launch_time"].confidence == "measured"
    _check_evaluation()


def _check_answer(answer, out):
    assert answer["name"] == "this_box"
    files = {path.name for path in out.iterdir() if not path.name.startswith(".")}
    assert files == {*answer["files"], "manifest.json"}
    assert not [note for note in answer["notes"] if note.startswith("failed")]
    assert answer["best_gemm_rates"]["bfloat16"] > 1e9
    assert answer["best_stream"] > 1e8
    names = {f"{row['kind']}.{row['name']}" for row in answer["constants"]}
    wanted = "chip.peak_bf16 chip.array_efficiency chip.hbm_efficiency"
    wanted += " software.gemm_tokens software.attention_efficiency"
    assert set(f"{wanted} software.launch_time".split()) <= names
    for row in answer["constants"]:
        assert row["low"] <= row["value"] <= row["high"]
        assert "jax" in row["source"]
    assert answer["points"]["training"] == 6
    for fit in answer["fits"].values():
        assert 0.0 <= fit["median_error"] <= fit["p90_error"]


def _check_dataset(out):
    with xr.open_dataset(out / "measurement.nc", engine="h5netcdf") as data:
        assert data.attrs["seed"] == 0
        assert json.loads(data.attrs["versions"])["jax"]
        assert json.loads(data.attrs["device"])["platform"] == "cpu"
        assert data["gemm_time"].attrs["units"] == "s"
        assert (data["gemm_time"] > 0.0).all()
        assert (data["gemm_noise"] >= 0.0).all()
        narrow = data["gemm_precision"] == "bfloat16"
        assert np.isfinite(data["gemm_predicted"].where(narrow, drop=True)).all()
        assert set(data["gemm_precision"].values) == {"bfloat16", "float32"}


def _check_evaluation():
    shape = {"hidden": 256.0, "heads": 4.0, "kv_heads": 4.0, "head_dim": 64.0}
    shape |= {"layers": 4.0, "dense_layers": 4.0, "ffn": 704.0, "vocabulary": 2048.0}
    training = Training(sequence_length=512.0, global_batch=4.0)
    scenario = catalog.scenario("this_box", Model(**shape), training)
    built = catalog.system("this_box").design | PLAN | {"chips": 1.0}
    found = EVALUATE(build_design(built, scenario), scenario)
    # The peak is a rate that this machine reached: nothing trains faster than that.
    assert 1e-3 < float(found.mfu) < 1.0
    assert 1e-3 < float(found.step_time) < 60.0


def _check_calibration(out, target, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(
            [
                *("calibrate", "--runs", str(out / "runs.csv"), "--platform"),
                *("this_box", "--out", str(target), "--json"),
            ]
        )
    printed = capsys.readouterr()
    assert stopped.value.code == 0, printed.err
    answer = json.loads(printed.out)
    assert answer["rows"] == 6
    assert answer["family"] == "this_box"
    assert answer["stack"] == "jax_unfused"
    assert answer["refused"] == []
    assert answer["cross_validated"]["mape"] >= 0.0
    before = {row["name"]: row["prior"] for row in answer["constants"]}
    measured = catalog.load("software", "this_box")
    assert before["gemm_tokens"] == pytest.approx(measured.gemm_tokens)
    assert before["unfused_efficiency"] == pytest.approx(measured.attention_efficiency)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--minutes", "0"], "--minutes: must be above zero, but is 0"),
        (["--minutes", "nan"], "--minutes: must be above zero"),
        (["--minutes", "soon"], "--minutes"),
        (["--seed", "-1"], "--seed: must be from 0 to"),
        (["--name", "my box"], "--name: 'my box' must be letters, digits and _"),
        (["--name", ""], "--name: '' must be letters"),
        (["--name", "h100_sxm"], "'h100_sxm' is a chip of the catalog already"),
        (["--name", "dgx_h100"], "'dgx_h100' is a system of the catalog already"),
        (["--name", "nemo_h100"], "'nemo_h100' is a software of the catalog already"),
        (["--name", "H100"], "'H100' has a meaning already"),
        (["--name", "sources"], "'sources' has a meaning already"),
        (["--like", "dgx_h10"], "did you mean 'dgx_h100'?"),
        (["--out", "file"], "file: must be a folder to write to, but is a file"),
        (["--out", "file/below"], "file/below: cannot be written: Not a directory"),
    ],
)
def test_bad_requests_are_one_line_and_write_nothing(
    tmp_path, monkeypatch, capsys, words, said
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent / "cache"))
    (tmp_path / "file").write_text("mine")
    with pytest.raises(SystemExit) as stopped:
        main(["measure", "--quick", *words])
    printed = capsys.readouterr()
    assert stopped.value.code == 2
    assert printed.out == ""
    assert said in printed.err
    last = printed.err.strip().splitlines()[-1]
    assert said in last
    assert "Traceback" not in printed.err
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "mine"


def test_the_own_name_may_be_measured_again(own_catalog, tmp_path):
    from supernode_opt.measure import measuring

    (tmp_path / "chips.yaml").write_text("sources: {}\nthis_box: {}\n")
    own_catalog(tmp_path)
    assert "this_box" in catalog.names("chip")
    measuring.check(measuring.Request(name="this_box"))
