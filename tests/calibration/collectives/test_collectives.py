"""Tables of collectives through the shell: known constants, and errors in one line."""

import json

import pytest

from supernode_opt.calibration.collectives.table import read
from supernode_opt.calibration.data.runs import kind_of
from supernode_opt.catalog import read as catalog_files
from supernode_opt.catalog.collectives import collective, machine
from supernode_opt.cli import main
from tests.calibration.collectives import collective_rows
from tests.calibration.rows import run, table


def shell(capsys, *words):
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    said = capsys.readouterr()
    return stopped.value.code, said.out, said.err


@pytest.fixture
def own_catalog(monkeypatch):
    """Let a folder's entries stand in the catalog for one test."""

    def use(folder):
        monkeypatch.setenv(catalog_files.OWN_CATALOG, str(folder))
        catalog_files.document.cache_clear()

    yield use
    monkeypatch.undo()
    catalog_files.document.cache_clear()


def test_tables_are_told_apart_by_their_header(tmp_path):
    assert kind_of(table(tmp_path / "runs.csv", run())) == "runs"
    assert kind_of(collective_rows.one(tmp_path / "nccl.csv")) == "collectives"
    experts = "op_name,kernel_source,num_tokens,moe_ep_size,latency_ms"
    assert kind_of(collective_rows.one(tmp_path / "moe.csv", experts)) == "collectives"
    products = "system,gemm_dtype,m,n,k,latency_ms,power_w,power_limit_w"
    row = "b200,bf16,8,8,8,1,,"
    assert kind_of(collective_rows.one(tmp_path / "gemm.csv", products, row)) == "gemm"


def test_calibrate_recovers_known_constants_and_validate_uses_them(
    capsys, tmp_path, own_catalog
):
    out = tmp_path / "out"
    runs = collective_rows.nccl(tmp_path / "made_up.csv")
    words = ("calibrate", "--runs", runs, "--platform", "mine", "--out", out, "--json")
    code, printed, _ = shell(capsys, *words)
    assert code == 0
    answer = json.loads(printed)
    assert answer["kind"] == "collectives"
    (fitted,) = answer["libraries"]
    assert fitted["unseen_half"]["median"] < 0.01
    assert set(fitted["leave_one_out_median"]["ranks"]) == {"2", "4", "8"}
    for one in fitted["constants"]:
        system = {"nvlink4": "h100_sxm", "nvlink5": "b200_sxm"}[one["fabric"]]
        known = getattr(collective_rows.truth(system, one["operation"]), one["name"])
        assert one["value"] == pytest.approx(known, rel=0.10), one
        # The truth lies within what the fit says it knows.
        assert abs(one["value"] - known) < 3.0 * one["standard_error"], one
    assert {one["fabric"] for one in answer["step_time_model"]} == {
        "nvlink4",
        "nvlink5",
    }
    own_catalog(out)
    entry = catalog_files.load("collective", "mine_nvlink4_all_gather")
    assert entry.efficiency == pytest.approx(collective_rows.EFFICIENCY, rel=0.1)
    traced = catalog_files.provenance("collective", "mine_nvlink4_all_gather")
    assert "measured collectives" in traced["call_time"].source
    assert traced["call_time"].low < traced["call_time"].high
    # Links that were never measured are known less well.
    unseen = catalog_files.provenance("collective", "mine_any_all_gather")["call_time"]
    known = traced["call_time"]
    assert unseen.high / unseen.low > known.high / known.low
    runs = collective_rows.nccl(tmp_path / "again.csv", library="mine")
    judged = tmp_path / "judged"
    words = ("validate", "--runs", runs, "--out", judged, "--json")
    code, printed, _ = shell(capsys, *words)
    assert code == 0
    answer = json.loads(printed)
    overall = answer["groups"]["never_fitted"]["overall"]
    assert overall["median"] < 0.01
    assert overall["median"] < 0.2 * overall["baseline_median"]
    assert len(answer["rows"]) == answer["groups"]["all"]["overall"]["rows"] == 378
    assert {row["fitted"] for row in answer["rows"]} == {True, False}
    figures = {path.name for path in (judged / "figures").iterdir()}
    assert figures == {"bus_bandwidth_mine.png"}


def test_both_commands_print_tables_for_people(capsys, tmp_path):
    runs = collective_rows.nccl(tmp_path / "made_up.csv")
    code, printed, _ = shell(capsys, "validate", "--runs", runs)
    assert code == 0
    for words in ("nccl dgx_h100 all_gather", "Rows never fitted", "constant"):
        assert words in printed
    code, printed, _ = shell(capsys, "validate", "--runs", runs, "--markdown")
    assert code == 0
    assert printed.startswith("| collectives never fitted | rows | median |")
    out = tmp_path / "out"
    words = ("calibrate", "--runs", runs, "--platform", "mine", "--out", out)
    code, printed, _ = shell(capsys, *words)
    assert code == 0
    for words in ("nccl: ", "call_time (us)", "left out of the fit", "step-time model"):
        assert words in printed


def test_a_few_rows_are_all_fitted(capsys, tmp_path):
    made_up = collective_rows.nccl(tmp_path / "made_up.csv").read_text().splitlines()
    few = tmp_path / "few.csv"
    few.write_text("\n".join(made_up[:22]), encoding="utf-8")
    out = tmp_path / "out"
    words = ("calibrate", "--runs", few, "--platform", "mine", "--out", out, "--json")
    code, printed, _ = shell(capsys, *words)
    assert code == 0
    (fitted,) = json.loads(printed)["libraries"]
    assert (fitted["rows"], fitted["fitted_rows"]) == (21, 21)
    assert fitted["unseen_half"] is None
    known = {one["name"]: one["identified"] for one in fitted["constants"]}
    # Two ranks alone cannot tell a step from the call.
    assert known["call_time"]
    assert not known["step_time"]


EXPERTS = (
    "op_name,kernel_source,moe_dtype,num_tokens,hidden_size,topk,moe_ep_size,latency_ms"
)
BAD = {
    "machine": (
        {"row": "h100_sxn,all_reduce,8,1024,0.016"},
        "line 2: system: unknown machine 'h100_sxn'; did you mean 'h100_sxm'?",
    ),
    "operation": (
        {"row": "h100_sxm,all_redcue,8,1024,0.016"},
        "line 2: unknown operation 'all_redcue'; did you mean 'all_reduce'?",
    ),
    "ranks": (
        {"row": "h100_sxm,all_reduce,1,1024,0.016"},
        "line 2: ranks must be a whole number from 2 on, but is 1",
    ),
    "bytes": (
        {"row": "h100_sxm,all_reduce,8,many,0.016"},
        "line 2: bytes must be a number, but is 'many'",
    ),
    "nothing measured": (
        {"row": "h100_sxm,all_reduce,8,1024,"},
        "line 2: has no latency_ms",
    ),
    "negative": (
        {"row": "h100_sxm,all_reduce,8,1024,-1"},
        "line 2: latency_ms must be finite and not negative, but is '-1'",
    ),
    "no time": (
        {"row": "h100_sxm,all_reduce,8,1024,0"},
        "line 2: latency_ms must be positive, but is 0",
    ),
    "no machine": (
        {"header": "op_name,num_gpus,bytes,latency_ms", "row": "all_reduce,8,1,1"},
        "needs a column system that names the machine",
    ),
    "kernel": (
        {"header": EXPERTS, "row": "alltoall_dispatch,Magic,fp8,1,7168,8,8,0.01"},
        "line 2: kernel_source must be NVLinkOneSided or NVLinkTwoSided,"
        " but is 'Magic'",
    ),
    "data type": (
        {
            "header": EXPERTS,
            "row": "alltoall_dispatch,NVLinkOneSided,fp9,1,7168,8,8,0.01",
        },
        "line 2: unknown moe_dtype 'fp9'; did you mean 'fp8'?",
    ),
    "empty": ({"row": ""}, "has no rows"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_tables_are_refused_in_one_line(capsys, tmp_path, what):
    cells, said = BAD[what]
    runs, out = collective_rows.one(tmp_path / "bad.csv", **cells), tmp_path / "out"
    for words in (("validate",), ("calibrate", "--platform", "mine")):
        code, printed, error = shell(capsys, *words, "--runs", runs, "--out", out)
        assert code == 2
        assert printed == ""
        # What the table does not say may be assumed in a line before.
        line = [line for line in error.splitlines() if "taken as measured" not in line]
        assert line == [f"{runs}: {said}"]
    assert not out.exists()


def test_an_unknown_library_is_named(capsys, tmp_path):
    header = collective_rows.HEADER + ",library"
    row = "h100_sxm,all_reduce,8,1024,0.016,nccll"
    runs = collective_rows.one(tmp_path / "mine.csv", header, row)
    code, _, error = shell(capsys, "validate", "--runs", runs)
    assert code == 2
    assert "line 2: unknown collective 'nccll_nvlink4_all_reduce'" in error
    assert "did you mean 'nccl_nvlink4_all_reduce'?" in error


def test_tables_of_different_kinds_are_not_fitted_together(capsys, tmp_path):
    both = collective_rows.one(tmp_path / "a.csv"), table(tmp_path / "b.csv", run())
    words = [word for path in both for word in ("--runs", path)]
    code, _, error = shell(capsys, "calibrate", *words, "--platform", "mine")
    assert code == 2
    assert error == "--runs: tables of collectives and runs in one fit\n"


def test_messages_are_counted_as_each_library_does(tmp_path):
    """HCCL names one rank's part of a gather; a token goes to a rank only once."""
    header = "op,ranks,message_size,latency_ms"
    (gather,) = read(
        collective_rows.one(tmp_path / "a.csv", header, "all_gather,8,1024,0.1")
    )
    (reduce,) = read(
        collective_rows.one(tmp_path / "b.csv", header, "all_reduce,8,1024,0.1")
    )
    assert (gather.library, gather.payload, reduce.payload) == ("hccl", 8192.0, 1024.0)
    row = "alltoall_{},NVLinkTwoSided,{},100,7168,8,{},0.01"
    cases = {
        ("dispatch", "nvfp4", 4): 100 * 7168 * 0.5625 * 4,
        ("dispatch", "fp8", 64): 100 * 7168 * 8,
        ("combine", "nvfp4", 16): 100 * 7168 * 2 * 8,
        ("prepare", "fp8", 16): 0.0,
    }
    for case, payload in cases.items():
        path = collective_rows.one(tmp_path / "c.csv", EXPERTS, row.format(*case))
        (found,) = read(path)
        assert (found.library, found.items) == ("trtllm_two_sided", 100.0)
        assert found.machine == machine("gb200")
        assert found.payload == pytest.approx(payload)


def test_machines_take_link_rates_from_the_catalog():
    assert machine("a100_sxm").rate == 300e9
    assert machine("gb200") == machine("gb200_nvl72")
    assert machine("b300_sxm").fabric == machine("gb300").fabric == "nvlink5"
    # A rank is one of the two dies of a package.
    assert machine("cloudmatrix384").rate == pytest.approx(196e9)
    assert machine("ascend_910c").fabric == "hccs"
    # H800 has NVLink4 at less than half the rate, and no entry of its own.
    assert machine("h800_sxm").rate == 200e9
    mesh = machine("mi300x").fabric
    assert collective("nccl", "all_gather", mesh).name == "nccl_any_all_gather"
