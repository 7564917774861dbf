"""`study.sweep`: ranges of fields handed to the room `sweep`."""

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import xarray as xr

from supernode_opt.api import accessor
from supernode_opt.api.progress import counted
from supernode_opt.api.values import written
from supernode_opt.api.verbs import verb

if TYPE_CHECKING:
    from supernode_opt.api.study import Study


@verb
def swept(
    study: "Study", axes: Mapping[str, Any] | None, more: Mapping[str, Any]
) -> xr.Dataset:
    """Evaluate a study over ranges of its fields; see `Study.sweep`.

    Raises:
      StudyError: an axis is no field, or a value cannot be used.
    """
    from supernode_opt.sweep.solve import sweep

    options = set(inspect.signature(sweep).parameters) - {"study", "axes"}
    chosen = {name: value for name, value in more.items() if name in options}
    ranges = {**(axes or {}), **{k: v for k, v in more.items() if k not in options}}
    plain = {
        name: written(values, name, "sweep").plain() for name, values in ranges.items()
    }
    if chosen.get("out") is not None:
        chosen["out"] = Path(chosen["out"])
    base = study if chosen.get("optimize") else study.frozen()
    accessor.register()
    told = chosen.pop("progress", True)
    if callable(told):
        return sweep(base.document, plain, progress=told, **chosen)
    with counted(bool(told)) as show:
        return sweep(base.document, plain, progress=show, **chosen)
