"""The map of evidence: which stacks were measured on which chips, and how well told."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, to_hex
from matplotlib.patches import Rectangle

from supernode_opt.plot import style
from supernode_opt.plot.subject import proper

# Median errors beyond these are drawn like these [%].
_LEAST, _MOST = 2.0, 50.0
_CELL, _WIDE = 0.33, 4


def evidence_map(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw runs by chip and stack: fitted + never fitted, coloured by median error.

    The error is that of rows never fitted where there are any; it is in brackets where
    fitted rows alone tell it, and a cell is grey where the dataset holds no row of it.
    """
    chips = sorted(set(dataset["known_chip"].values))
    stacks = sorted(set(dataset["known_stack"].values))
    fitted, judged = (_table(dataset, n, chips, stacks) for n in _COUNTS)
    # The best known first, on both axes.
    total = fitted + judged
    down, across = np.argsort(-total.sum(1)), np.argsort(-total.sum(0))
    chips, stacks = [chips[i] for i in down], [stacks[i] for i in across]
    fitted, judged = fitted[np.ix_(down, across)], judged[np.ix_(down, across)]
    error, own = _errors(dataset, chips, stacks)
    rows, columns = chips, stacks
    if turned := style.narrow(ax):
        # Chips are fewer and have shorter names: a column of a page holds them.
        rows, columns, error = stacks, chips, error.T
        fitted, judged, own = fitted.T, judged.T, own.T
    ax = style.axes(ax, 1.9 + _CELL * len(rows), narrow=1.9 + 0.15 * len(rows))
    image = ax.imshow(
        error,
        aspect="auto",
        cmap="cividis_r",
        norm=LogNorm(_LEAST, _MOST, clip=True),
    )
    for i, j in np.argwhere(fitted + judged > 0.0):
        value, known = error[i, j], np.isfinite(error[i, j])
        told = f"{value:.0f} %" if own[i, j] else f"({value:.0f} %)"
        colour = image.to_rgba(np.asarray([value if known else _LEAST]))[0]
        counts = f"{fitted[i, j]:.0f}+{judged[i, j]:.0f}"
        if not known:
            ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1.0, 1.0, color="0.92"))
        if turned:
            # There is no room for numbers.
            continue
        if len(counts) > _WIDE:
            counts = counts.replace("+", "\n+")
        ax.text(
            j,
            i,
            f"{counts}\n{told}" if known else counts,
            ha="center",
            va="center",
            fontsize=5.5,
            color=style.ink(to_hex(colour)),
        )
    ax.set_xticks(range(len(columns)), [proper(name) for name in columns])
    ax.set_yticks(range(len(rows)), [proper(name) for name in rows])
    style.dress(ax)
    ax.tick_params(length=0)
    ax.tick_params(axis="x", rotation=90 if turned else 60)
    if not turned:
        plt.setp(ax.get_xticklabels(), ha="right", rotation_mode="anchor")
    bar = style.figure(ax).colorbar(image, ax=ax, pad=0.01, aspect=30)
    bar.set_label("median error [%]", fontsize=style.SMALL)
    ticks = [2.0, 5.0, 10.0, 20.0, 50.0]
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    bar.minorticks_off()
    bar.ax.tick_params(labelsize=style.SMALL)
    about = "in brackets: of fitted rows alone; grey: no row at hand"
    if turned:
        about = "grey: no row at hand"
    counts = f"{fitted.sum():,.0f} runs fitted + {judged.sum():,.0f} never fitted"
    title = "Measured runs by chip and stack, and median error of step time"
    style.title(ax, title, f"{counts}; {about}")
    return ax


_COUNTS = ("runs_fitted", "runs_judged")


def _table(
    dataset: xr.Dataset, name: str, chips: list[str], stacks: list[str]
) -> np.ndarray:
    made = np.zeros((len(chips), len(stacks)))
    places = (dataset[word].values for word in ("known_chip", "known_stack", name))
    for chip, stack, count in zip(*places, strict=True):
        made[chips.index(chip), stacks.index(stack)] = count
    return made


def _errors(
    dataset: xr.Dataset, chips: list[str], stacks: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return median errors [chip, stack] [%], and where rows never fitted tell them."""
    size = 100.0 * np.abs((dataset["predicted"] / dataset["measured"]).values - 1.0)
    fitted = dataset["fitted"].values.astype(bool)
    error = np.full((len(chips), len(stacks)), np.nan)
    own = np.zeros(error.shape, bool)
    for i, chip in enumerate(chips):
        for j, stack in enumerate(stacks):
            here = (dataset["chip"].values == chip) & (
                dataset["constants"].values == stack
            )
            own[i, j] = (here & ~fitted).any()
            kept = here & ~fitted if own[i, j] else here
            if kept.any():
                error[i, j] = np.median(size[kept])
    return error, own
