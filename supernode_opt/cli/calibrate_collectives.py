"""`supernode-opt calibrate` on tables of collectives."""

from typing import Any

from rich.console import Group

from supernode_opt.cli.tables import percent, table

COLUMNS = 140
# What people say each constant in, and how many make one of its base unit.
_UNITS = {
    **dict.fromkeys(("call_time", "step_time", "chunk_time"), ("(us)", 1e6)),
    **dict.fromkeys(("rendezvous_time", "rendezvous_step_time"), ("(us)", 1e6)),
    **dict.fromkeys(("collective_latency", "latency"), ("(us)", 1e6)),
    "item_time": ("(ns)", 1e9),
    "rendezvous_bytes": ("(MB)", 1e-6),
}


def tables(answer: dict[str, Any]) -> Any:
    """Return constants and errors for people."""
    shown: list[Any] = []
    for library in answer["libraries"]:
        names = list(dict.fromkeys(one["name"] for one in library["constants"]))
        lines: dict[str, dict[str, str]] = {}
        for one in library["constants"]:
            mark = "" if one["identified"] else " ?"
            key = f"{one['operation']} {one['fabric']}"
            lines.setdefault(key, {})[one["name"]] = _spoken(one["name"], one) + mark
        made = table(
            ("operation", *map(_heading, names)),
            ([key, *(cells.get(n, "") for n in names)] for key, cells in lines.items()),
            words=range(len(names) + 1),
            title=f"{library['library']}: {library['fitted_rows']} rows fitted",
            title_justify="left",
        )
        made.columns[0].no_wrap = True
        shown += [made, *_errors(library), ""]
    needed = answer["step_time_model"]
    if needed:
        heads = ["library", "links", "collectives"]
        heads += [*map(_heading, needed[0]["constants"]), "median error"]
        rows = (
            [
                *(one[key] for key in ("library", "fabric", "collectives")),
                *(_spoken(*item) for item in one["constants"].items()),
                f"{percent(one['unseen_median'])} %",
            ]
            for one in needed
        )
        title = "What the step-time model would need"
        words = range(len(heads))
        shown += [table(heads, rows, words=words, title=title, title_justify="left")]
    return Group(*shown)


def _heading(name: str) -> str:
    return f"{name} {_UNITS[name][0]}" if name in _UNITS else name


def _spoken(name: str, number: dict[str, float]) -> str:
    """Write a value with its standard error."""
    many = _UNITS.get(name, ("", 1.0))[1]
    return f"{many * number['value']:.3g} ± {many * number['standard_error']:.1g}"


def _errors(library: dict[str, Any]) -> list[str]:
    def said(found: dict[str, Any]) -> str:
        return (
            f"median {percent(found['median'])} %, p90 {percent(found['p90'])} %,"
            f" bias {100.0 * found['bias']:+.1f} %"
        )

    lines = [f"  fitted rows: {said(library['in_sample'])}"]
    unseen = library["unseen_half"]
    if unseen:
        lines.append(f"  {unseen['rows']} rows never fitted: {said(unseen)}")
    for what, medians in library["leave_one_out_median"].items():
        each = ", ".join(f"{k} {percent(v)} %" for k, v in medians.items())
        word = "rank count" if what == "ranks" else what
        lines += [f"  median on a {word} left out of the fit: {each}"] if each else []
    return [*lines, "  a question mark: the rows do not identify the constant"]
