"""Where time and power go in several designs side by side."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from numpy.typing import NDArray

from supernode_opt.plot import style
from supernode_opt.plot.measure import Measure, measure, of_variable, words
from supernode_opt.plot.subject import listed, precision, proper

# Parts with a colour of their own; the rest is one.
_NAMED = 7


def step_stacks(
    datasets: Sequence[xr.Dataset], names: Sequence[str], ax: Axes | None = None
) -> Axes:
    """Draw the step time of several designs as stacks of its parts [s].

    Args:
      datasets: results of single designs.
      names: what each is called.
      ax: axes to draw in, if there are any.
    """
    ends = [f"MFU {100.0 * float(one['mfu']):.1f} %" for one in datasets]
    return _stacks(datasets, names, ("step", "step_time", "s"), ends, "Step time", ax)


def power_stacks(
    datasets: Sequence[xr.Dataset], names: Sequence[str], ax: Axes | None = None
) -> Axes:
    """Draw the provisioned power of several designs as stacks of its parts [W].

    Args:
      datasets: results of single designs.
      names: what each is called.
      ax: axes to draw in, if there are any.
    """
    rates = [of_variable(one, "tokens_per_joule") for one in datasets]
    ends = [
        rate.said(float(one["tokens_per_joule"]))
        for rate, one in zip(rates, datasets, strict=True)
    ]
    title = "Provisioned power"
    return _stacks(datasets, names, ("power_parts", "power", "W"), ends, title, ax)


def _stacks(
    datasets: Sequence[xr.Dataset],
    names: Sequence[str],
    what: tuple[str, str, str],
    ends: Sequence[str],
    title: str,
    ax: Axes | None,
) -> Axes:
    """Draw one stack a design; `ends` is written behind the whole of each.

    Raises:
      ValueError: there is no design, or not a name for each.
    """
    if not datasets or len(datasets) != len(names):
        raise ValueError("stacks need at least one design, and a name for each")
    variable, whole, unit = what
    parts, values = _table(datasets, variable)
    ax = style.axes(ax, 1.5 + 0.3 * len(names), narrow=1.9 + 0.36 * len(names))
    totals = values.sum(axis=1)
    shown = measure(whole, unit, totals)
    start = np.zeros(len(names))
    for order, part in enumerate(parts):
        wide = shown(values[:, order])
        label = words(part)
        down = np.arange(len(names))
        ax.barh(down, wide, left=start, height=0.6, label=label, **style.area(order))
        start = start + wide
    _dress(ax, names, shown, totals, ends)
    style.title(ax, f"{title} of {len(names)} designs", _common(datasets))
    style.legend_below(ax, 4)
    return ax


def _table(datasets: Sequence[xr.Dataset], variable: str) -> tuple[list[str], NDArray]:
    """Return the parts with most in any design, the rest as one, and values [row]."""
    series = [one[variable].to_series() for one in datasets]
    names = list(dict.fromkeys(str(name) for one in series for name in one.index))
    values = np.array([[float(one.get(name, 0.0)) for name in names] for one in series])
    share = (values / values.sum(axis=1, keepdims=True)).max(axis=0)
    largest = np.argsort(-share, kind="stable")
    kept = sorted(int(place) for place in largest[:_NAMED] if share[place] > 0.0)
    rest = [place for place in range(len(names)) if place not in kept]
    made, columns = [names[place] for place in kept], values[:, kept]
    other = values[:, rest].sum(axis=1)
    if other.any():
        made.append("other")
        columns = np.column_stack([columns, other])
    return made, columns


def _dress(
    ax: Axes,
    names: Sequence[str],
    shown: Measure,
    totals: NDArray,
    ends: Sequence[str],
) -> None:
    """Write names, totals behind the stacks, and the axis up to the longest."""
    told = [f"{shown.said(t)}, {end}" for t, end in zip(totals, ends, strict=True)]
    for row, (total, text) in enumerate(zip(totals, told, strict=True)):
        ax.annotate(
            text,
            (float(shown(total)), row - 0.32),
            (0, 1),
            textcoords="offset points",
            ha="right" if total > 0.5 * totals.max() else "left",
            va="bottom",
            fontsize=style.SMALL,
        )
    labels = [style.wrapped(name, 0.3 * style.width_of(ax)) for name in names]
    ax.set_yticks(range(len(names)), labels)
    ax.set_ylim(len(names) - 0.55, -0.8)
    ax.set_xlim(0.0, float(shown(totals.max())))
    ax.tick_params(axis="y", length=0)
    style.few_ticks(ax.xaxis)
    style.dress(ax, shown.label)


def _common(datasets: Sequence[xr.Dataset]) -> str:
    """Write models and precisions of the designs; their names say the rest."""
    made = []
    for name, spell in (("model", proper), ("precision", precision)):
        told = [spell(str(one.attrs[name])) for one in datasets if name in one.attrs]
        if told:
            made.append(listed(list(dict.fromkeys(told))))
    return ", ".join(made)
