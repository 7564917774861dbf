"""Tables of measured peaks: what is read, what is predicted, how it is judged."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from supernode_opt.calibration import peaks
from supernode_opt.calibration.data.interpret import interpret
from supernode_opt.calibration.data.runs import Run, kind_of, read
from supernode_opt.calibration.data.stages import weighed_stages
from supernode_opt.workload.model import Model

SHARED = Path(__file__).resolve().parents[4] / "shared"
HEADER = (
    "id,source,model,layers,hidden,heads,ffn,vocab,seq_len,gbs,mbs,chip,chips,tp,pp,dp,"
    "sharding,recompute,flash,precision,grad_dtype,optimizer,stack,kind,peak_bytes,"
    "peak_kind,rank,outcome"
)
# Two layers of 1,024 channels, 16 heads and an FFN of 2,752, on one rank.
ROW = (
    "{id},a page,Llama-like,2,1024,16,2752,32000,512,1,1,{chip},1,1,1,1,zero0,none,"
    "true,bf16,fp32,AdamW,megatron,pretrain,{peak},{kind},,{outcome}"
)
LAYER = 4.0 * 1024**2 + 3.0 * 1024 * 2752
# Beside a table at either end.
PARAMETERS = 2.0 * LAYER + 2.0 * 32000 * 1024
# 16 B of 1,024 channels and 6 B of 2,752 a token and layer.
STORED = 512.0 * (16.0 * 1024 + 6.0 * 2752)


@pytest.fixture
def table(tmp_path):
    def written(*rows):
        file = tmp_path / "peaks.csv"
        lines = [ROW.format(**{"chip": "H100-80GB", "peak": "", **row}) for row in rows]
        file.write_text("\n".join([HEADER, *lines]))
        return file

    return written


def some(kind="", outcome="fits", **more):
    return {"id": "one", "kind": kind, "outcome": outcome, **more}


def test_a_peak_is_what_its_counter_shows(table):
    file = table(some("max_allocated"), some("max_reserved"), some("nvidia-smi"))
    assert kind_of(file) == "memory"
    seen = peaks.predict(read(file))
    # Weights, gradients and states of 2 + 4 + 12 B; half of a layer's gradients beside
    # two layers, and 10 B for each of 512 x 32,000 logits.
    wanted = 18.0 * PARAMETERS + 1.1 * 2.5 * STORED + 10.0 * 512 * 32000
    allocated, reserved, device = seen.predicted
    assert allocated == pytest.approx(wanted, rel=1e-3)
    assert reserved / allocated == pytest.approx(1.1)
    assert device - reserved == pytest.approx(1.5e9 + 1.2e9)
    assert np.all(seen.probability > 0.999)


def test_what_a_chip_has_decides(table):
    # 33 GB of states do not fit in 24, and may in 40.
    file = table(
        some(chip="RTX4090-2GB", outcome="oom"),
        some(chip="A100-80GB"),
        some(chip="a chip of no size"),
    )
    seen = peaks.predict(read(file))
    assert seen.probability[0] < 0.1 < 0.9 < seen.probability[1]
    assert "memory of 'RTX4090-2GB'" in " ".join(seen.jobs[0].assumed)
    # What is known has its own.
    assert not seen.jobs[1].assumed
    assert not seen.jobs[1].given.constants
    ((refused, why),) = seen.refused
    assert (refused.name, "unknown accelerator" in why) == ("one", True)
    rows = peaks.report(seen)["rows"]
    assert [row.get("verdict") for row in rows] == ["does not fit", "fits", None]


def test_how_verdicts_are_judged():
    job = peaks.predict(
        [Run(dict(zip(HEADER.split(","), ROW.split(","), strict=True)), 2)]
    )
    assert not job.jobs, "a row without numbers is no job"
    empty = np.zeros(4)
    seen = peaks.Peaks(
        jobs=(None,) * 4,
        refused=(),
        predicted=np.array([11.0, 9.0, 10.0, 10.0]),
        measured=np.array([10.0, 10.0, np.nan, np.nan]),
        spread=empty,
        probability=np.array([0.95, 0.5, 0.95, 0.05]),
        illegal=("",) * 4,
        ran=np.array([1.0, 1.0, 0.0, np.nan]),
    )
    found = peaks._summary(seen, np.ones(4, bool))
    assert found["median"] == pytest.approx(0.1)
    assert found["bias"] == pytest.approx(0.0)
    assert (found["outcomes"], found["wrong"], found["on_the_edge"]) == (3, 1, 1)
    brier = (0.05**2 + 0.5**2 + 0.95**2) / 3.0
    assert found["brier"] == pytest.approx(brier)


def test_gibibytes_and_names_of_a_sweep():
    cells = {"memory_gib": "2", "outcome": "ran"}
    run = Run(cells, 2)
    assert run.peak == 2.0**31
    assert run.tells_memory
    assert dataclasses.replace(run, cells={}).peak is None


@pytest.mark.skipif(not SHARED.exists(), reason="needs ../shared, measured peaks")
@pytest.mark.parametrize(
    ("table", "median", "brier", "wrong", "ranked"),
    [
        ("facts/memory_runs.csv", 0.07, 0.04, 0.02, 0.9),
        ("bulk/nanotron_h100_sweep.csv", 0.075, 0.05, 0.03, 0.97),
    ],
)
def test_measured_peaks(table, median, brier, wrong, ranked):
    """Crashes of the sweep are not told apart from lack of memory."""
    seen = peaks.predict(read(SHARED / table))
    found = peaks.report(seen)["overall"]
    assert found["median"] < median
    assert found["brier"] < brier
    assert found["wrong"] < wrong * found["outcomes"]
    # Chance that a run which started was given better odds than one which did not.
    ran = seen.ran == 1.0
    over = seen.probability[ran][:, None] - seen.probability[~ran]
    assert np.mean(over > 0.0) + 0.5 * np.mean(over == 0.0) > ranked


@pytest.mark.parametrize(
    ("stages", "layers"),
    [
        # Of a weight of six, three each: the fourth layer exceeds them.
        (2, [4, 0]),
        (3, [3, 1, 0]),
        # Norm and head, cast, and loss.
        (6, [2, 1, 1, 0, 0, 0]),
        # Eight blocks cannot fill nine stages.
        (9, [1, 1, 1, 1, 0, 0, 0, 0]),
    ],
)
def test_stages_of_like_weight(stages, layers):
    # Layers of 8 + 12 parameters and a head of 40.
    model = Model(
        layers=4,
        hidden=2,
        heads=1,
        kv_heads=1,
        head_dim=1,
        ffn=2,
        vocabulary=20,
        dense_layers=4,
    )
    assert weighed_stages(model, stages) == layers


def test_what_nanotron_logs_and_how_often_it_starts():
    columns, values = (
        HEADER.split(","),
        ROW.format(id="one", chip="H100-80GB", peak="", kind="", outcome="fits"),
    )
    names = {"chip": "accelerator", "chips": "n_accel", "sharding": "fsdp_or_zero"}
    columns = [names.get(column, column) for column in columns]
    cells = dict(zip(columns, values.split(","), strict=True))

    def job(**more):
        more = {names.get(column, column): value for column, value in more.items()}
        return interpret(Run({**cells, "stack": "nanotron", **more}, 2))

    split = {"pp": "2", "chips": "4", "gbs": "2"}
    # The first stage, unless there is one alone or the row says which.
    assert peaks._told(job(**split)) == slice(0, 1)
    assert peaks._told(job()) == slice(None)
    assert peaks._told(job(**split, rank="last")) == slice(2, None)
    assert peaks._told(job(**split, rank="max over ranks")) == slice(None)
    assert peaks._told(job(**split, stack="megatron")) == slice(None)
    # Whole gradients of two replicas of two stages; sharded; one replica; one stage.
    assert peaks._starts(job(**split)) == 0.56
    assert peaks._starts(job(**split, sharding="zero1")) == 1.0
    assert peaks._starts(job(pp="2", chips="2")) == 1.0
    assert peaks._starts(job(chips="2", gbs="2")) == 1.0
    assert peaks._starts(job(**split, stack="megatron")) == 1.0


def test_a_split_that_cannot_run_does_not_fit(table):
    (job,) = peaks.predict(read(table(some()))).jobs
    assert peaks._illegal(job) == ""
    sizes = job.plans[0].sizes | {"pipeline_parallel": 3.0, "chips": 3.0}
    long = dataclasses.replace(job.plans[0], sizes=sizes)
    rule = peaks._illegal(dataclasses.replace(job, plans=(long,)))
    assert "every pipeline stage must hold one of the 2 layers" in rule
