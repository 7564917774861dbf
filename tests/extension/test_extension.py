"""What an extension costs: done to a copy of the package, file by file, and then used.

A quantity is one file, a property of links two, a free variable three.  Nothing else of
the copy is touched, and search, bounds, ranges, tables and comparison know the new.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "supernode_opt"

QUANTITY = {
    "system/report.py": (
        "    cost_per_megatoken: reported(",
        """\
    power_per_chip: reported(
        "W",
        "provisioned power over chips",
        zero=False,
        more_is_better=False,
        formula=lambda r, d, s: r.power / d.chips + d.ballast,
        headline=True,
        compared=True,
    )
""",
    )
}
LINK_PROPERTY = {
    "hardware/network.py": (
        "    activation_temperature: quantity(",
        '    standing_rise: quantity("K", zero=True) = 0.0\n',
    ),
    "hardware/reach.py": (
        "    return ambient + rise",
        '    more = per_technology(links, "standing_rise")\n'
        "    rise = rise + column(more, ambient[0])\n",
    ),
}
VARIABLE = {
    "system/design.py": ("    recompute: Any\n", "    ballast: Number = 1.0\n"),
    "problem/box.py": (
        '        Variable("oversubscription", 1.0, 8.0),',
        '        Variable("ballast", 1.0, 5.0, "linear"),\n',
    ),
}

STUDY = """\
system: cloudmatrix384
model: llama3_70b
training: {{sequence_length: 4096, global_batch: 768}}
design:
  chips: 384
  tensor_parallel: {tensor_parallel}
  pipeline_parallel: 4
  context_parallel: 1
  expert_parallel: 1
  interleave: 1
  micro_batch: 1
  recompute: selective
  optimizer_sharding: zero1
  sequence_parallel: "on"
  scale_up_link: {links}
  scale_out_link: {links}
  clock: {clock}
  {design}
solver: {{outer: 0}}
objective: {objective}
constraints: {constraints}
"""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """Return a folder with a copy of the package in which all three stand."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(PACKAGE, folder / "supernode_opt")
    for edits in (QUANTITY, LINK_PROPERTY, VARIABLE):
        for name, (before, added) in edits.items():
            path = folder / "supernode_opt" / name
            text = path.read_text(encoding="utf-8")
            assert text.count(before) == 1, name
            path.write_text(text.replace(before, added + before), encoding="utf-8")
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    return folder


def ask(folder, *words, **sections):
    """Run a command of the copy on the study with `sections`; return what it prints."""
    text = STUDY.format(
        **{
            "design": "",
            "tensor_parallel": "{low: 4, high: 8}",
            "links": "[lpo, dsp]",
            "clock": "{low: 0.8, high: 1}",
        }
        | sections
    )
    (folder / "study.yaml").write_text(text, encoding="utf-8")
    code = "import sys; from supernode_opt.cli import main; main(sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def answer(copy):
    """Return what the copy says is best by the new quantity, the new variable free."""
    words = ("run", "study.yaml", "--json", "--out", "out")
    return json.loads(
        ask(
            copy,
            *words,
            design="ballast: free",
            objective="{minimize: power_per_chip}",
            constraints="{power_per_chip: {at_most: 1.5 kW}, mfu: {at_least: 0.3}}",
        )
    )


def test_a_quantity_costs_one_file(copy, answer):
    assert len(QUANTITY) == 1
    # Bounds know it: nothing is solved from several starts and believed.
    assert answer["status"] == "proved"
    assert answer["certificate"]["gap"] <= 2e-4
    report = answer["report"]
    expected = report["power"] / 384.0 + answer["design"]["ballast"]
    assert report["power_per_chip"] == pytest.approx(expected, rel=1e-12)
    limits = {limit["name"]: limit for limit in answer["constraints"]}
    assert limits["power_per_chip"]["limit"] == 1500.0
    # Tables and their headline.
    assert "power per chip" in (copy / "out" / "report.txt").read_text("utf-8")


def test_a_free_variable_costs_three_files(answer):
    # With the formula above, which reads it.
    assert len({*VARIABLE, *QUANTITY}) == 3
    assert answer["design"]["ballast"] == 1.0


def test_ranges_know_the_quantity(copy):
    frozen = {
        "design": "ballast: 1.0",
        "clock": "0.8",
        "tensor_parallel": "8",
        "links": "dsp",
        "objective": "{maximize: mfu}",
        "constraints": "{}",
    }
    said = ask(copy, "evaluate", "study.yaml", "--intervals", **frozen)
    rows = [row for row in said.splitlines() if "power per chip" in row]
    # One row states the value, another its range.
    numbers = [len(re.findall(r"\d+(?:\.\d+)?", row)) for row in rows]
    assert len(rows) == 2, said
    assert max(numbers) >= 2, said


def test_a_link_property_costs_two_files(copy):
    assert len(LINK_PROPERTY) == 2
    out = json.loads(
        ask(
            copy,
            *("run", "study.yaml", "--json"),
            design="links.lpo.standing_rise: 40 K",
            objective="{maximize: mfu}",
            constraints="{optics_temperature: {at_most: 60 degC}}",
        )
    )
    # Nothing but the new property keeps the better technology from being chosen.
    assert out["status"] in ("proved", "optimal if log-convex")
    assert out["design"]["scale_up_link"] == "dsp"
    assert out["design"]["scale_out_link"] == "dsp"
