"""Measured GEMMs: shipped kernels on published rows, own tables through the shell."""

import dataclasses
import json
import time
from pathlib import Path

import numpy as np
import pytest

from supernode_opt import catalog
from supernode_opt.answer.judged import judged
from supernode_opt.calibration.data.runs import kind_of
from supernode_opt.calibration.gemm import network as gemm_network
from supernode_opt.calibration.gemm import predict as gemm_predict
from supernode_opt.calibration.gemm import score as gemm_score
from supernode_opt.calibration.gemm import table as gemm_table
from supernode_opt.calibration.gemm.predict import Constants
from supernode_opt.catalog import read as reading
from supernode_opt.cli import validate_gemm
from tests.calibration.gemm import gemms
from tests.calibration.step_time.test_shell import shell

MEASURED = "shared/bulk/measured_gemm_power_h200_b200_gb200.csv"
FILE = Path(__file__).parents[4] / MEASURED

# ai-dynamo/aiconfigurator at 095f58a51c4c, GEMMs of vLLM 0.22.0: latency [ms] and power
# [W] at 2,048, 4,096 and 16,384 tokens of four projections (columns and inner length);
# none was fitted.
SHAPES = [
    (m, n, k)
    for n, k in ((6144, 4096), (16384, 4096), (10240, 8192), (4096, 12288))
    for m in (2048, 4096, 16384)
]
# fmt: off
PUBLISHED = {
    ("h200_sxm", "bfloat16", 700): (
        [0.15416, 0.31776, 1.24726, 0.403, 0.8582, 3.29095,
         0.50748, 0.99897, 3.87621, 0.29024, 0.58104, 2.31487],
        [629.9, 692.9, 694.8, 691.8, 691.4, 691.7,
         690.2, 689.3, 694.1, 691.9, 690.6, 690.2],
    ),
    ("b200_sxm", "bfloat16", 1000): (
        [0.06795, 0.14839, 0.57611, 0.16901, 0.41002, 1.52759,
         0.22575, 0.51351, 1.9764, 0.14173, 0.29816, 1.11916],
        [817.7, 986.3, 989.2, 979.0, 993.8, 994.6,
         971.4, 935.0, 990.2, 946.7, 986.7, 986.4],
    ),
    ("gb200", "bfloat16", 1200): (
        [0.05534, 0.16053, 0.56302, 0.19102, 0.2965, 1.53407,
         0.22413, 0.39936, 1.6032, 0.14971, 0.30582, 0.88568],
        [1146.7, 986.3, 1174.8, 1092.9, 1170.4, 1169.6,
         1093.0, 1176.2, 1172.8, 1160.1, 1143.7, 1174.7],
    ),
    ("gb200", "fp8", 1200): (
        [0.0655, 0.12541, 0.47492, 0.13839, 0.26146, 1.14084,
         0.181, 0.34582, 1.55311, 0.13477, 0.28209, 1.04211],
        [981.7, 1008.1, 1070.5, 1080.4, 1127.8, 1159.9,
         1128.9, 1138.1, 1169.1, 926.1, 1073.8, 1133.1],
    ),
}
# fmt: on


def errors(table):
    found = gemm_predict.predict(table, gemm_predict.shipped())
    return found.time / table.time - 1.0, found.power / table.power - 1.0


@pytest.mark.parametrize("series", PUBLISHED, ids=lambda s: f"{s[0]} {s[1]}")
def test_published_gemms_within_6_and_8_percent(series, tmp_path):
    system, precision, limit = series
    cells = [
        [system, precision, *shape, *measured, limit]
        for shape, *measured in zip(SHAPES, *PUBLISHED[series], strict=True)
    ]
    table = gemm_table.read([gemms.write(tmp_path / "rows.csv", cells)])
    assert gemm_table.held_out(table).all()
    seconds, watts = errors(table)
    assert np.median(np.abs(seconds)) <= 0.06
    assert np.median(np.abs(watts)) <= 0.08


@pytest.mark.skipif(not FILE.exists(), reason=f"needs ../{MEASURED}")
def test_every_series_of_the_measured_half_that_was_never_fitted():
    table = gemm_table.read([FILE])
    constants = gemm_predict.shipped()
    seen = gemm_score.score(table, constants)
    assert not seen.refused
    for group in gemm_score.groups(seen)["held_out"]:
        if group["regime"] != "all":
            continue
        assert group["rows"] > 3000
        assert group["time"]["median"] <= 0.06
        assert group["watts"]["median"] <= 0.08
        assert group["time"]["median"] < group["time"]["baseline"]
    (elasticity,) = seen.elasticities
    assert elasticity.shapes > 1000
    assert elasticity.predicted == pytest.approx(elasticity.measured, abs=0.03)
    start = time.perf_counter()
    gemm_predict.predict(table, constants)
    assert time.perf_counter() - start < 2.0


def test_every_kernel_says_how_wrong_it_is():
    for name in catalog.names("gemm_kernel"):
        kernel = catalog.gemm_kernel(name)
        notes = reading.entry("gemm_kernel", name)["notes"]
        assert "fitted on half of the shapes" in notes
        assert f"_{kernel.architecture}_{kernel.precision}" in name
    with pytest.raises(catalog.UnknownEntry, match="did you mean 'vllm_hopper_bf16'"):
        catalog.gemm_kernel("vllm_hoper_bf16")


def test_unseen_packages_have_physics_alone():
    table = gemm_table.Table(
        *np.array([["b200", "bf16"], ["b300", "bf16"], ["h100_sxm", "bf16"]]).T,
        *np.full((8, 3), [[4096.0], [4096.0], [4096.0], [1.0], [1.0], [1e3], [1], [0]]),
    )
    physics = Constants(catalog.gemm_kernels())
    with_network = gemm_predict.predict(table, gemm_predict.shipped()).time
    without = gemm_predict.predict(table, physics).time
    assert with_network[0] != without[0]
    np.testing.assert_array_equal(with_network[1:], without[1:])


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory):
    """Return folder and answer of calibrating a made-up H100."""
    folder = tmp_path_factory.mktemp("gemm")
    runs = gemms.write(folder / "runs.csv", gemms.rows(120))

    def run(capsys):
        code, printed, _ = shell(
            capsys,
            *("calibrate", "--runs", str(runs), "--platform", "mine", "--json"),
            *("--out", str(folder / "out")),
        )
        assert code == 0
        return json.loads(printed)

    return folder, run


def test_calibrate_recovers_known_constants_and_validate_uses_them(
    capsys, calibrated, monkeypatch
):
    folder, run = calibrated
    (kernel,) = run(capsys)["kernels"]
    assert kernel["name"] == "mine_hopper_bf16"
    assert not kernel["network"]
    found = {name: one["value"] for name, one in kernel["constants"].items()}
    for name, room in {
        "array_efficiency": 0.02,
        "launch_time": 0.02,
        "inner": 0.1,
        "wave": 0.1,
        "overlap": 0.1,
        "power_exponent": 0.05,
        "flop_energy": 0.1,
    }.items():
        assert found[name] == pytest.approx(getattr(gemms.KERNEL, name), rel=room), name
    monkeypatch.setenv(reading.OWN_CATALOG, str(folder / "out"))
    caches = (reading.document, reading.load, reading._provenance)
    for cache in caches:
        cache.cache_clear()
    try:
        kernel = catalog.gemm_kernels()["hopper", "bf16"]
        assert kernel.name == "mine_hopper_bf16"
        traced = catalog.provenance("gemm_kernel", kernel.name)["inner"]
        assert traced.low < traced.value < traced.high
        assert "runs.csv" in traced.source
        out = folder / "validated"
        code, printed, _ = shell(
            capsys,
            *("validate", "--runs", str(folder / "runs.csv"), "--json"),
            *("--out", str(out)),
        )
        assert code == 0
        report = json.loads(printed)
        (group,) = [g for g in report["groups"]["held_out"] if g["regime"] == "all"]
        assert group["time"]["median"] < 0.02 < group["time"]["baseline"]
        assert group["watts"]["median"] < 0.02
        (elasticity,) = report["elasticities"]
        assert elasticity["predicted"] == pytest.approx(
            elasticity["measured"], abs=0.02
        )
        assert len(report["rows"]) == 360
        names = {path.name for path in (out / "figures").iterdir()}
        assert names == {"gemm_time.png", "gemm_watts.png"}
    finally:
        monkeypatch.delenv(reading.OWN_CATALOG)
        for cache in caches:
            cache.cache_clear()


def test_validate_prints_a_table_and_refuses_what_was_never_fitted(capsys, tmp_path):
    cells = gemms.rows(12)
    cells.append(["tpu_v4", "bf16", "1024", "1024", "1024", "0.01", "", ""])
    runs = gemms.write(tmp_path / "runs.csv", cells)
    code, printed, _ = shell(capsys, "validate", "--runs", str(runs))
    assert code == 0
    for words in ("Held-out shapes, in no fit", "h100_sxm bf16", "1 rows of tpu_v4"):
        assert words in printed
    written = validate_gemm.markdown(judged(runs)[1])
    assert written.startswith("| series | regime | rows | time median |")


def test_a_network_stays_only_where_it_helps(monkeypatch, tmp_path):
    monkeypatch.setattr(gemm_network, "_STEPS", 300)
    monkeypatch.setattr(gemm_network, "_BATCH", 256)
    constants = Constants({("hopper", "bf16"): gemms.KERNEL})
    runs = gemms.write(tmp_path / "a.csv", gemms.rows(1200, (700.0,)))
    table = gemm_table.read([runs])
    # Noise on every other row, and on the others something that shapes explain.
    helped = np.arange(len(table)) % 2 == 1
    noise = np.random.default_rng(0).normal(0.0, 0.05, len(table))
    planted = np.where(table.n > table.k, 0.15, -0.1)
    table = dataclasses.replace(
        table,
        time=table.time * np.exp(np.where(helped, planted, noise)),
        chip=np.where(helped, "h800_sxm", "h100_sxm"),
    )
    residual = gemm_network.fit_network(table, constants, 0)
    assert residual is not None
    assert residual.series == (f"{gemms.KERNEL.name} h800_sxm",)
    few = table.take(np.arange(100))
    assert gemm_network.fit_network(few, constants, 0) is None


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("system,gemm_dtype,m,n,k,latency_ms,power_w,power_limit_w", "gemm"),
        ("latency_ms,k,n,m,gemm_dtype", "gemm"),
        ("model,accelerator,n_accel,seq_len", "runs"),
    ],
)
def test_header_tells_the_kind(tmp_path, header, kind):
    path = tmp_path / "table.csv"
    path.write_text(header + "\n")
    assert kind_of(path) == kind


GOOD = ["h100_sxm", "bf16", "2048", "2048", "2048", "0.03", "600", "700"]
BAD = {
    "system": ("h100_sx", "system: unknown chip 'h100_sx'; did you mean 'h100_sxm'?"),
    "gemm_dtype": ("fp9", "gemm_dtype: unknown precision 'fp9'"),
    "m": ("-4", "m must be above zero, but is '-4'"),
    "k": ("", "k must be above zero, but is ''"),
    "latency_ms": ("soon", "latency_ms must be above zero, but is 'soon'"),
    "power_w": ("nan", "power_w must be above zero, but is 'nan'"),
    "power_limit_w": ("-1", "power_limit_w must be above zero"),
}


@pytest.mark.parametrize("command", ["validate", "calibrate"])
@pytest.mark.parametrize("column", BAD)
def test_a_bad_cell_is_one_line(capsys, tmp_path, command, column):
    value, words = BAD[column]
    cells = list(GOOD)
    cells[gemms.HEADER.index(column)] = value
    refused(capsys, tmp_path, command, gemms.HEADER, [GOOD, cells], f"line 3: {words}")


@pytest.mark.parametrize("command", ["validate", "calibrate"])
def test_a_missing_column_is_one_line(capsys, tmp_path, command):
    header, cells = gemms.HEADER[1:], [GOOD[1:]]
    refused(capsys, tmp_path, command, header, cells, "has no column system")


def test_too_few_shapes_are_one_line(capsys, tmp_path):
    words = "h100_sxm bf16 has"
    refused(capsys, tmp_path, "calibrate", gemms.HEADER, 4 * [GOOD], words)
    refused(capsys, tmp_path, "calibrate", gemms.HEADER, [], "is empty")


def test_tables_of_two_kinds_are_one_line(capsys, tmp_path):
    other = tmp_path / "other.csv"
    other.write_text("model,accelerator,n_accel,seq_len\n")
    words = "tables of gemm and runs in one fit"
    more = ("--runs", str(other))
    refused(capsys, tmp_path, "calibrate", gemms.HEADER, [GOOD], words, more)


def refused(capsys, folder, command, header, cells, words, more=()):
    runs = gemms.write(folder / "runs.csv", cells, header)
    extra = ("--platform", "mine") if command == "calibrate" else ()
    out = folder / "out"
    code, printed, error = shell(
        capsys, command, "--runs", str(runs), *more, *extra, "--out", str(out)
    )
    assert code == 2
    assert printed == ""
    assert error.count("\n") == 1
    assert words in error
    assert not out.exists()
