"""The commands on a study that is right."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from rich.text import Text

from supernode_opt.answer import gradient
from supernode_opt.cli import main, session
from supernode_opt.config import study
from supernode_opt.reading import document
from tests.html import pages

KEYS = {
    "status",
    "objective",
    "mfu",
    "tokens_per_s",
    "step_time_s",
    "power_w",
    "junction_celsius",
    "memory_bytes",
    "design",
    "constraints",
    "breakdown",
    "certificate",
    "evaluations",
    "wall_s",
    "assumed",
    "evidence",
}
FILES = {"design.nc", "study.yaml", "report.txt", "figures", "manifest.json"}
HEAVY = ("jax", "numpy", "pint", "matplotlib", "xarray", "yaml")


def visible(folder):
    """Return the names that a user sees in a folder."""
    return {p.name for p in folder.iterdir() if not p.name.startswith(".")}


def strict(text):
    """Read JSON as the standard has it: one object, no NaN."""

    def refuse(name):
        raise ValueError(f"{name} is not JSON")

    return json.loads(text, parse_constant=refuse)


# What reads a result needs none of these, which take a second and more to import.
UNREAD = ("jax", "scipy", "pint", "dask", "flax", "optax")
READERS = {"explain": "design.nc", "plot": "figures", "report": "report.html"}


def test_what_reads_a_saved_result_imports_no_model(shell, folder):
    shell("evaluate", "study.yaml", "--out", "answer")
    code = (
        "import sys\n"
        "from supernode_opt.cli import entry, session\n"
        "session.alone = True\n"
        "print(entry._run(sys.argv[1:]))\n"
        f"loaded = [name for name in {UNREAD!r} if name in sys.modules]\n"
        "assert not loaded, loaded\n"
    )
    for command, made in READERS.items():
        ran = subprocess.run(
            [sys.executable, "-c", code, command, "answer"],
            capture_output=True,
            text=True,
            timeout=120,
            cwd=folder,
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.endswith("(0, None)\n")
        assert (folder / "answer" / made).exists()


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], []])
def test_help_imports_nothing_heavy(words):
    code = (
        "import sys\n"
        "from supernode_opt.cli import main\n"
        "try:\n"
        f"    main({words!r})\n"
        "finally:\n"
        f"    loaded = [name for name in {HEAVY!r} if name in sys.modules]\n"
        "    assert not loaded, loaded\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60
    )
    assert "AssertionError" not in ran.stderr
    assert ran.returncode == (0 if words else 2)


def test_evaluate_prints_one_json_object(shell, folder):
    answer = shell("evaluate", "study.yaml", "--json")
    assert answer.code == 0
    found = strict(answer.out)
    assert found.keys() >= KEYS
    assert found["status"] == "feasible"
    assert found["objective"] == found["mfu"]
    assert sum(found["breakdown"].values()) == pytest.approx(found["step_time_s"])
    assert sum(found["power_breakdown"].values()) == pytest.approx(found["power_w"])
    memory = sum(found["memory_breakdown"].values())
    assert memory == pytest.approx(found["memory_bytes"])
    # 384 packages of two ranks over 8 ways.
    assert found["design"]["data_parallel"] == 96.0
    power = next(row for row in found["constraints"] if row["name"] == "power")
    assert power["limit"] == 590e3
    assert power.keys() >= {"name", "value", "limit", "margin", "multiplier"}
    assert [path.name for path in folder.iterdir()] == ["study.yaml"]


def test_a_broken_limit_is_exit_3_and_named(shell):
    flags = ["--set", "constraints.power.at_most=100 kW"]
    answer = shell("evaluate", "study.yaml", "--json", *flags)
    assert answer.code == 3
    found = strict(answer.out)
    assert found["status"] == "infeasible"
    ((name, per_cent),) = found["relaxation"]
    assert name == "power"
    # By so much the limit must rise to the power itself.
    assert 100e3 * (1.0 + per_cent / 100.0) == pytest.approx(found["power_w"])
    assert "power" in answer.err
    text = shell("evaluate", "study.yaml", *flags)
    assert text.code == 3
    assert "violated" in text.out


def test_copper_that_does_not_span_the_domain_says_how_far_it_carries(shell):
    answer = shell("evaluate", "study.yaml", "--set", "design.scale_up_link=copper")
    assert answer.code == 3
    assert "the longest link is 10.6 m, but copper carries 2 m" in answer.err


def test_a_broken_limit_is_told_with_what_is_allowed(shell):
    flags = ["--set", "constraints.power.at_most=100 kW"]
    answer = shell("evaluate", "study.yaml", *flags)
    assert "kW, where at most 100 kW is allowed" in answer.err


def test_a_result_explains_and_draws_itself(shell, folder):
    written = shell("evaluate", "study.yaml", "--out", "there", "--json")
    assert written.code == 0
    there = folder / "there"
    assert visible(there) == FILES
    assert list((there / "figures").glob("*.png"))
    assert sorted(p.name for p in folder.iterdir()) == ["study.yaml", "there"]
    # The file alone says the same as the folder, and the same as the command did.
    (folder / "alone.nc").write_bytes((there / "design.nc").read_bytes())
    for result in ("there", "alone.nc"):
        again = shell("explain", result, "--json")
        assert (again.code, strict(again.out)) == (0, strict(written.out))
    report = (there / "report.txt").read_text()
    assert "tensor parallel" in shell("explain", "there").out
    assert "tensor parallel" in report
    assert max(map(len, report.splitlines())) <= 80
    # What was asked, the answer with its range, why, in this order.
    order = ["Asked", "CloudMatrix384: 384 x Ascend 910C", "8.03 billion parameters"]
    order += ["MindSpeed 910C: extrapolated", "BF16", "TP 8 DP 96 MBS 2, ZeRO-1"]
    order += ["Answer", "5-95 %", "Why", "No limit binds", "Step time goes to GEMM"]
    places = [report.index(words) for words in order]
    assert places == sorted(places)
    ends = strict(written.out)["intervals"]["mfu"]
    assert ends["low"] < strict(written.out)["mfu"] < ends["high"]
    page = pages.read(_page(shell, "there"))
    wanted = ["asked", "answer", "why", "figures", "evidence", "reproduce", "origin"]
    assert [name for name in page.sections if name in wanted] == wanted
    assert "supernode-opt evaluate study.yaml" in page.text
    assert "report.html" in (there / "manifest.json").read_text()
    drawn = shell("plot", "alone.nc", "--out", "figures", "--json")
    assert strict(drawn.out)["figures"]
    assert all((folder / path).is_file() for path in strict(drawn.out)["figures"])


def _page(shell, result):
    """Return the page of a result, as `report` writes it."""
    said = shell("report", result)
    assert said.code == 0, said.err
    return Path(said.out.strip()).read_text(encoding="utf-8")


@pytest.mark.parametrize("place", [0, 2])
def test_quiet_goes_anywhere_and_leaves_the_answer(place, shell):
    words = ["evaluate", "study.yaml"]
    loud = shell(*words, "--out", "loud")
    words.insert(place, "--quiet")
    quiet = shell(*words, "--out", "loud")
    assert "written to loud" in loud.err
    assert (quiet.code, quiet.err) == (0, "")
    assert quiet.out == loud.out


def test_a_limit_that_is_broken_is_told_even_if_quiet(shell):
    limit = ("--set", "constraints.power.at_most=100 kW")
    answer = shell("-q", "evaluate", "study.yaml", *limit)
    assert answer.code == 3
    assert "power" in answer.err


def test_version_and_the_module(shell):
    code = [sys.executable, "-m", "supernode_opt", "--version"]
    ran = subprocess.run(code, capture_output=True, text=True, timeout=60)
    assert ran.returncode == 0
    assert ran.stdout == shell("--version").out
    assert ran.stdout.startswith("supernode-opt ")


def test_commands_complete_at_the_shell():
    words = {"COMP_WORDS": "supernode-opt expl", "COMP_CWORD": "1"}
    asked = {"_SUPERNODE_OPT_COMPLETE": "complete_bash", **words}
    code = [sys.executable, "-m", "supernode_opt"]
    environment = {**os.environ, **asked}
    ran = subprocess.run(
        code, capture_output=True, text=True, timeout=60, env=environment
    )
    assert ran.stdout.split() == ["explain"]


def test_colour_is_for_terminals_that_want_it(monkeypatch):
    text = Text("good", style="bold green")
    monkeypatch.setenv("FORCE_COLOR", "1")
    shown = {}
    for refused in ("", "1"):
        monkeypatch.setenv("NO_COLOR", refused)
        console = session.console()
        with console.capture() as caught:
            console.print(text)
        shown[refused] = caught.get()
    assert "32m" in shown[""]
    assert "32m" not in shown["1"]


def test_progress_is_for_terminals(capsys):
    with session.progress_bar("working") as show:
        show("half", 0.5)
    with session.progress_bar("working", passing=True) as show:
        show("half", 0.5)
    assert capsys.readouterr() == ("", "")


def test_tables_are_as_wide_as_asked(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    session.print_rich(Text("word " * 40))
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60


def test_derivatives_that_disagree_are_exit_5(shell, monkeypatch):
    wrong = gradient.Slope("clock", 1.0, 2.0)
    monkeypatch.setattr(gradient, "check", lambda problem: [wrong])
    for flags in ([], ["--json"], ["--quiet"]):
        answer = shell("check", "study.yaml", *FREE_CLOCK, *flags)
        assert answer.code == 5
        assert flags == ["--json"] or "DISAGREES" in answer.err


def test_files_of_others_survive(shell, folder):
    there = folder / "there"
    (there / "figures").mkdir(parents=True)
    (there / "notes.txt").write_text("mine")
    (there / "study.yaml").write_text("old")
    assert shell("evaluate", "study.yaml", "--out", "there").code == 0
    assert (there / "notes.txt").read_text() == "mine"
    assert (there / "study.yaml").read_text() != "old"


def test_check_prints_a_study_that_loads_again(shell, folder):
    flags = ["--set", "design.clock={low: 0.5, high: 0.9}", "--seed", "7"]
    answer = shell("check", "study.yaml", *flags)
    assert answer.code == 0
    assert "d ln mfu / d clock" in answer.err
    assert "DISAGREES" not in answer.err
    assert yaml.safe_load(answer.out)["constraints"] == {"power": {"at_most": 590e3}}
    again = study.understand(document.parse(answer.out, "again"))
    overrides = ["design.clock={low: 0.5, high: 0.9}"]
    assert again == study.load(folder / "study.yaml", overrides, seed=7)
    found = strict(shell("check", "study.yaml", *flags, "--json").out)
    assert found["free"] == ["clock"]
    assert found["gradient"][0]["agrees"]
    assert found["study"]["seed"] == 7


def test_catalog_lists_shows_and_names_its_sources(shell):
    assert "chip" in strict(shell("catalog", "--json").out)
    assert "cloudmatrix384" in shell("catalog", "system").out
    tdp = strict(shell("catalog", "chip", "ascend_910c", "--json").out)["tdp"]
    assert tdp["low"] <= tdp["value"] <= tdp["high"]
    assert tdp["unit"] == "W"
    assert tdp["source"]
    assert tdp["confidence"]
    assert "ascend_910c" in shell("catalog", "system", "cloudmatrix384").out


def test_schema_knows_the_fields(shell):
    schema = strict(shell("schema").out)
    assert schema["required"] == ["system", "objective"]
    each = {"required": ["model", "training"]}
    served = {"required": ["model", "serving"]}
    assert schema["anyOf"] == [each, served, {"required": ["models"]}]
    assert "tensor_parallel" in schema["properties"]["design"]["properties"]


FREE_CLOCK = ("--set", "design.clock={low: 0.5, high: 0.8}")


def test_run_finds_writes_and_can_be_run_again(shell, folder):
    answer = shell("run", "study.yaml", *FREE_CLOCK, "--json")
    assert answer.code == 0
    found = strict(answer.out)
    assert found.keys() >= KEYS
    assert found["status"] == "proved"
    # Nothing but its own bound holds the clock: faster chips train faster.
    assert found["design"]["clock"] == pytest.approx(0.8, rel=1e-4)
    assert sum(found["breakdown"].values()) == pytest.approx(found["step_time_s"])
    written = folder / "results" / folder.name
    assert visible(written) == FILES
    assert "Certificate" in (written / "report.txt").read_text()
    # The stored question, resolved, has the same answer.
    again = shell("run", written / "study.yaml", "--json", "--out", "again")
    second = strict(again.out)
    for key in ("design", "objective", "constraints", "breakdown", "study"):
        assert second[key] == found[key]
    # It may begin with that answer, and go on with nothing.
    begun = "--from", "again", "--resume", "--out", "from"
    third = strict(shell("run", "study.yaml", *FREE_CLOCK, "--json", *begun).out)
    assert third["certificate"]["start"] == "feasible here"
    assert third["objective"] == pytest.approx(found["objective"], rel=1e-9)


def test_run_without_any_feasible_design_names_the_least_relaxation(shell):
    limit = ("--set", "constraints.power.at_most=300 kW")
    answer = shell("run", "study.yaml", *FREE_CLOCK, *limit, "--json")
    assert answer.code == 3
    found = strict(answer.out)
    assert found["status"] == "infeasible"
    assert [name for name, _ in found["relaxation"]] == ["power"]
    assert "power" in answer.err


def test_interrupted(shell, folder, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("supernode_opt.answer.run.run", stop)
    answer = shell("run", "study.yaml", "--set", "design.clock=free", "--json")
    assert answer.code == 130
    assert answer.out == ""
    again = "supernode-opt run study.yaml --set design.clock=free --json"
    assert again in answer.err
    assert not list(folder.glob("results/*"))


def test_a_reader_that_leaves_is_no_error(monkeypatch):
    def leave(*_, **__):
        raise BrokenPipeError

    read, write = os.pipe()
    os.close(read)
    monkeypatch.setattr(
        importlib.import_module("supernode_opt.cli.entry"), "app", leave
    )
    with os.fdopen(write, "w") as closed:
        monkeypatch.setattr(sys, "stdout", closed)
        with pytest.raises(SystemExit) as caught:
            main(["schema"])
    assert caught.value.code == 0
