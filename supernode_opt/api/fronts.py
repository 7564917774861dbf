"""`study.pareto`: designs of which none is better in all that is wanted."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supernode_opt.api.result import Told
from supernode_opt.api.values import written
from supernode_opt.api.verbs import verb
from supernode_opt.reading.node import Node, StudyError, shown

if TYPE_CHECKING:
    import pandas as pd

    from supernode_opt.api.study import Study


class Front(Told):
    """Designs of which none is better in everything; how far that is shown."""

    @property
    def objectives(self) -> list[str]:
        """Names of what was sought at once."""
        return [str(name) for name in self._dataset["objective"].values]

    @property
    def front(self) -> "pd.DataFrame":
        """The designs along the front: objectives, status, gap and slopes, SI."""
        import pandas as pd

        first, *others = self.objectives
        held = self._dataset
        columns = {name: held[name].values for name in (first, *others)}
        columns |= {name: held[name].values for name in ("status", "gap", "searched")}
        for place, name in enumerate(others, start=1):
            columns[f"{first}_per_{name}"] = held["slope"].values[:, place]
        columns["is_knee"] = held["is_knee"].values.astype(bool)
        return pd.DataFrame(columns)

    @property
    def knee(self) -> "pd.Series[Any] | None":
        """The design farthest from the chord between the ends, if there is one."""
        table = self.to_pandas()
        rows = table[table["is_knee"].astype(bool)]
        return None if rows.empty else rows.iloc[0]

    @property
    def hypervolume(self) -> float:
        """What the front is better than, up to `reference`."""
        return float(self._dataset.attrs["hypervolume"])

    @property
    def unexplored(self) -> float:
        """Where a better design may lie, as a share of the hypervolume [1]."""
        return float(self._dataset.attrs["unexplored"])

    @property
    def reference(self) -> dict[str, float]:
        """Values beyond which nothing counts, SI."""
        values = self._dataset["reference"].values
        return dict(zip(self.objectives, map(float, values), strict=True))

    def to_pandas(self) -> "pd.DataFrame":
        """Return every design of the front with its quantities, one a row."""
        held = self._dataset
        names = [n for n in map(str, held.data_vars) if held[n].dims == ("point",)]
        return held[names].to_dataframe().reset_index(drop=True)


@verb
def fronted(
    study: "Study",
    objectives: Sequence[str | Mapping[str, str]],
    settings: Mapping[str, Any],
    out: Path | str | None,
    resume: bool,
    progress: bool | Callable[[str, float], None],
) -> Front:
    """Find the front of a study; see `Study.pareto`.

    Raises:
      StudyError: anything in it cannot be used.
    """
    from supernode_opt.pareto import run

    top = study.document
    if objectives or settings:
        top = _with(top, objectives, settings)
    asked = run.read(top, study.understood.name)
    place = None if out is None else Path(out)
    if callable(progress):
        found = run.pareto(*asked, out=place, resume=resume, progress=progress)
        return Front("front", found)
    with _bar(bool(progress)) as show:
        found = run.pareto(*asked, out=place, resume=resume, progress=show)
    return Front("front", found)


def _with(
    top: Node,
    objectives: Sequence[str | Mapping[str, str]],
    settings: Mapping[str, Any],
) -> Node:
    """Return a study whose section `pareto` is changed."""
    section = top.mapping().get("pareto")
    made = {} if section is None else dict(section.plain())
    if objectives:
        made["objectives"] = [_objective(one) for one in objectives]
    made |= settings
    node = written(made, "pareto", "pareto")
    return Node({**top.value, "pareto": node}, top.path, top.place)


def _objective(given: str | Mapping[str, str]) -> dict[str, str]:
    """Read `"maximize:mfu"` or `{"maximize": "mfu"}`."""
    if isinstance(given, Mapping):
        return dict(given)
    sense, colon, name = str(given).partition(":")
    if not colon:
        raise StudyError(
            f"pareto: an objective must be maximize:NAME or minimize:NAME, but is"
            f" {shown(given)}"
        )
    return {sense: name}


def _bar(visible: bool) -> Any:
    from supernode_opt.api.progress import staged

    return staged(visible)
