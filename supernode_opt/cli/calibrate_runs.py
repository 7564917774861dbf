"""`supernode-opt calibrate` on training runs: the constants of a software stack."""

from collections import Counter
from typing import Any

from rich.console import Group

from supernode_opt.cli.tables import table
from supernode_opt.words import spoken

COLUMNS = 100
_USELESS = (
    "rows left out in turn are told no better than before the fit: these rows are too"
    " few or too unlike each other; add more, or name the shipped stack in your studies"
)


def _both(errors: dict[str, Any]) -> str:
    mean, median = 100 * errors["mape"], 100 * errors["median"]
    return f"{mean:.1f} % (mean), {median:.1f} % (median)"


def tables(answer: dict[str, Any]) -> Any:
    """Return constants and errors for people."""
    rows = (
        (
            row["name"],
            spoken(row["value"], row["unit"]),
            spoken(float(f"{row['standard_error']:.2g}"), row["unit"]),
            spoken(row["prior"], row["unit"]),
            "yes" if row["identified"] else "no",
        )
        for row in answer["constants"]
    )
    headings = ("constant", "value", "standard error", "before", "identified")
    title = f"{answer['platform']}: {answer['rows']} rows fitted"
    inside = answer["in_sample"]
    before, crossed = answer["before"], answer["cross_validated"]
    lines = [
        f"error before the fit {_both(before)}",
        f"in-sample error {_both(inside)}",
    ]
    if crossed:
        lines.append(
            f"cross-validated error {_both(crossed)},"
            f" worst {crossed['worst']} {100 * crossed['worst_error']:+.0f} %"
        )
        if crossed["mape"] >= before["mape"]:
            lines.append(_USELESS)
    else:
        lines.append("one group of rows: no cross-validated error")
    lines += [one["says"] for one in answer["left_over"]]
    reasons = Counter(row["why"] for row in answer["refused"])
    for why, count in reasons.most_common():
        first = next(row for row in answer["refused"] if row["why"] == why)
        others = f" and {count - 1} others" if count > 1 else ""
        lines.append(f"refused {first['run_id']}{others}: {why}")
    return Group(table(headings, rows, title=title), *lines)
