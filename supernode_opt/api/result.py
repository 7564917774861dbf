"""What every answer is: shown as text and HTML, a table, a dataset, a file, figures."""

import abc
import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from supernode_opt.reading.node import StudyError, did_you_mean

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


class Result(abc.ABC):
    """An answer.

    Attributes:
      kind: of answer, as the file that it is saved in is called.
    """

    kind: str = ""

    @abc.abstractmethod
    def to_xarray(self) -> "xr.Dataset":
        """Return all that is known, labelled, in SI, with units as attributes."""

    @abc.abstractmethod
    def to_pandas(self) -> "pd.DataFrame":
        """Return the numbers that people look at first, as a table."""

    @abc.abstractmethod
    def summary(self) -> dict[str, Any]:
        """Return the answer as plain values, as the commands' `--json` prints it."""

    @abc.abstractmethod
    def _lines(self) -> list[str]:
        """Say the answer in lines of at most 80 columns."""

    def explain(self) -> str:
        """Return the whole answer in words."""
        from supernode_opt.results.table import render

        return render(self.to_xarray())

    def report(self, path: Path | str) -> Path:
        """Write the answer as one HTML file, which needs no network; return its path.

        Raises:
          OSError: the machine refuses to write there.
        """
        from supernode_opt.api.reporting import reported

        return reported(self, Path(path))

    def save(self, path: Path | str, figures: bool = False) -> Path:
        """Write the answer and return where it is.

        Args:
          path: a folder, or a file that ends in `.nc` for the dataset alone.
          figures: whether to draw the figures into the folder as well.

        Raises:
          OSError: the machine refuses to write there.
        """
        from supernode_opt.api.saving import saved

        return saved(self, Path(path), figures)

    @property
    def plot(self) -> "Figures":
        """The figures of this answer, as functions: `.plot.step_time()`."""
        return Figures(self.kind, self.to_xarray)

    def __repr__(self) -> str:
        """Write the answer in plain lines of at most 80 columns."""
        return "\n".join(self._lines())

    def _repr_html_(self) -> str:
        from supernode_opt.html.notebook import lines

        return lines(self._lines())


class Told(Result):
    """An answer that is its dataset, which says all there is to say."""

    def __init__(self, kind: str, dataset: "xr.Dataset") -> None:
        """Keep `dataset`, which is an answer of `kind`."""
        self.kind, self._dataset = kind, dataset

    def to_xarray(self) -> "xr.Dataset":
        """Return all that was found, labelled, in SI."""
        return self._dataset

    def to_pandas(self) -> "pd.DataFrame":
        """Return the same as a table."""
        return self._dataset.to_dataframe().reset_index()

    def summary(self) -> dict[str, Any]:
        """Return the answer as plain values, as the command's `--json` prints it."""
        from supernode_opt.results.kinds import summary

        return summary(self._dataset)

    def _lines(self) -> list[str]:
        from supernode_opt.results.table import render

        return render(self._dataset, everything=False).rstrip().splitlines()


class Figures:
    """The figures that an answer has the numbers for, by name."""

    # What people call figures that have another name in the room that draws them.
    _ALIASES: Mapping[str, str] = {
        "step_time": "step_waterfall",
        "power": "power_stack",
    }

    # Why an answer may lack a figure of its kind.
    _LACKING: Mapping[str, str] = {
        "convergence": "every candidate was computed, so that no gradient was followed",
    }

    def __init__(self, kind: str, dataset: Callable[[], "xr.Dataset"]) -> None:
        """Draw what `dataset` gives, which is an answer of `kind`."""
        self._kind, self._dataset = kind, dataset

    def _known(self) -> Mapping[str, Callable[..., Any]]:
        from supernode_opt.plot import figures_of

        return figures_of(self._dataset(), self._kind)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return the function that draws the figure `name`; it takes and returns `ax`.

        Raises:
          AttributeError: the answer has no such figure.
        """
        if name.startswith("_"):
            raise AttributeError(name)
        known = self._known()
        found = known.get(self._ALIASES.get(name, name)) or known.get(name)
        if found is None:
            raise AttributeError(self._missing(name))
        return functools.partial(found, self._dataset())

    def _missing(self, name: str) -> str:
        """Say why there is no such figure."""
        from supernode_opt.plot import FIGURES_OF

        if name not in FIGURES_OF.get(self._kind, {}):
            return f"no figure {name!r}{did_you_mean(name, self)}"
        why = self._LACKING.get(name, "it has not the numbers for it")
        return (
            f"no figure {name!r} of this answer: {why} (there are: {', '.join(self)})"
        )

    def __iter__(self) -> Iterator[str]:
        """Yield the names of the figures."""
        known = self._known()
        yield from known
        yield from (name for name, of in self._ALIASES.items() if of in known)

    def __dir__(self) -> list[str]:
        """Return the names of the figures, for completion."""
        return sorted(self)

    def __repr__(self) -> str:
        """Name the figures."""
        return f"figures: {', '.join(self)}"


def found(known: Mapping[str, Any], name: str, what: str) -> Any:
    """Return the value of `name`.

    Raises:
      StudyError: it is not known; the text names the nearest.
    """
    if name not in known:
        raise StudyError(f"`{name}` is no {what}{did_you_mean(name, known)}")
    return known[name]
