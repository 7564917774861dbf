"""`supernode-opt calibrate` on a table of measured GEMMs."""

from typing import Any

from rich.console import Group

from supernode_opt.cli.tables import table
from supernode_opt.cli.validate_gemm import table_of

COLUMNS = 124


def tables(answer: dict[str, Any]) -> Any:
    """Return constants and errors for people."""
    shown: list[Any] = [
        table(
            ("constant", "value", "standard error"),
            (
                (field, f"{found['value']:.4g}", f"{found['standard_error']:.2g}")
                for field, found in kernel["constants"].items()
            ),
            title=f"{kernel['name']}: {kernel['rows']} rows fitted",
            title_justify="left",
        )
        for kernel in answer["kernels"]
    ]
    plain = [g for g in answer["held_out_without_network"] if g["regime"] == "all"]
    shown.append(table_of("Held-out shapes, physics alone:", plain))
    if any(kernel["network"] for kernel in answer["kernels"]):
        full = [g for g in answer["held_out"] if g["regime"] == "all"]
        shown.append(table_of("Held-out shapes, with the network:", full))
    else:
        shown.append("a network on top would not earn its place")
    return Group(*shown)
