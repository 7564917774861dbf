"""Tables at any width: no number is cut, no line is too long."""

import io

import pytest
from rich import box
from rich.console import Console, Group
from rich.table import Table

from supernode_opt.results.narrow import fitted

NUMBERS = ["1234567.5", "98.76 %", "12,345-67,890", "559 kW", "0.0001234", "4.5e-12"]


@pytest.mark.parametrize("width", [40, 60, 100, 200])
@pytest.mark.parametrize("lines", [box.SIMPLE, box.SIMPLE_HEAD, box.HEAVY_HEAD, None])
def test_no_number_is_cut(width, lines):
    table = Table(title="Errors", box=lines)
    table.add_column("machine and its best split", no_wrap=True)
    for place in range(len(NUMBERS)):
        table.add_column(f"column {place}", justify="right", no_wrap=True)
    table.add_column("source", overflow="fold")
    where = "a publication with a very long name, section 4.2 of 2026"
    table.add_row("cloudmatrix384 of 384 chips", *NUMBERS, where)
    console = Console(file=io.StringIO(), width=width, color_system=None)
    parts = list(fitted(Group("before", table), console))
    for part in parts:
        console.print(part)
    text = console.file.getvalue()
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    words = text.split()
    for number in " ".join(NUMBERS).split():
        assert number in words
    if width != 100:
        assert (len(parts) == 2) == (width == 200)


@pytest.mark.parametrize("width", [40, 88, 100])
def test_sentences_among_numbers_are_broken_and_names_are_not(width):
    # As in a certificate, whose longest entries are no numbers.
    table = Table(title="Certificate", box=box.SIMPLE_HEAD, show_edge=False)
    table.add_column("stage")
    table.add_column("value", justify="right")
    table.add_row("upper bound", "387471.25")
    reasons = ", ".join(f"exceeds limit {k} {1000 * k}" for k in range(12))
    table.add_row("discarded", reasons)
    console = Console(file=io.StringIO(), width=width, color_system=None)
    parts = list(fitted(table, console))
    console.print(*parts)
    text = console.file.getvalue()
    assert len(parts) == 1
    assert max(map(len, text.splitlines())) <= width
    words = text.replace(",", " ").split()
    for word in ("stage", "discarded", "387471.25", "11000"):
        assert word in words
