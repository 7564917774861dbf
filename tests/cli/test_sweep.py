"""`sweep` and `sensitivity` at the shell."""

import json

import xarray as xr

SECTION = """\
sweep:
  axes:
    scale_up_bandwidth: {from: 50 GB/s, to: 800 GB/s, count: 5, scale: log}
  quantities: [power, scale_up_span]
"""


def test_a_section_and_axes_from_the_shell(shell, folder):
    study = folder / "study.yaml"
    study.write_text(study.read_text() + SECTION)
    said = shell("sweep", "study.yaml", "--axis", "scale_up_link=lpo,copper", "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert told["dimensions"] == {"scale_up_bandwidth": 5, "scale_up_link": 2}
    assert told["evaluated_now"] == told["evaluations"] == told["legal"] == 10
    name = f"{folder.name}_sweep"
    target = folder / "results" / name
    assert said.err.strip() == f"written to results/{name}"
    assert "10 points" in (target / "report.txt").read_text()
    found = xr.open_dataset(target / "sweep.nc", engine="h5netcdf")
    assert found.attrs["kind"] == "sweep"
    # The study beside it asks the same once more, its axes as they were written.
    again = shell("sweep", target / "study.yaml", "--axis", "scale_up_link=lpo,copper")
    assert again.code == 0, again.err
    assert "CloudMatrix384, Llama 3 8B" in again.out


def test_what_is_wrong_is_one_line(shell):
    for words, said in (
        (["sweep", "study.yaml"], "nothing to sweep"),
        (["sweep", "study.yaml", "--axis", "clock"], "PATH=VALUES"),
        (["sweep", "study.yaml", "--axis", "clok=1,2"], "did you mean `clock`"),
        (["sweep", "study.yaml", "--axis", "clock=0.5,0.6", "--cluster", "x"], "slurm"),
        (["sensitivity", "study.yaml", "--quantity", "powr"], "did you mean `power`"),
    ):
        answer = shell(*words)
        assert answer.code == 2
        assert said in answer.err
        assert answer.err.count("\n") == 1


def test_sensitivity_prints_shares_and_changes(shell, folder):
    words = ("sensitivity", "study.yaml", "--quantity", "power", "--samples", "16")
    answer = shell(*words, "--out", "out")
    assert answer.code == 0, answer.err
    assert "elasticity" in answer.out
    assert "written to out" in answer.err
    found = xr.open_dataset(folder / "out" / "sensitivity.nc", engine="h5netcdf")
    assert found.attrs["kind"] == "sensitivity"
    told = json.loads(shell(*words, "--json").out)
    assert told["quantity"] == "power"
    assert len(told["constants"]) == found.sizes["constant"]
