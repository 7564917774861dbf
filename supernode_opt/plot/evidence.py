"""The map of evidence: which stacks were measured on which chips, and how well told."""

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, to_hex
from matplotlib.patches import Rectangle

from supernode_opt.plot import style

# Median errors beyond these are drawn like these [%].
_LEAST, _MOST = 2.0, 50.0
_CELL, _WIDE = 0.4, 4


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
    ax = style.axes(ax, 2.2 + _CELL * len(chips))
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
        if len(counts) > _WIDE:
            counts = counts.replace("+", "\n+")
        if not known:
            ax.add_patch(Rectangle((j - 0.5, i - 0.5), 1.0, 1.0, color="0.92"))
        ax.text(
            j,
            i,
            f"{counts}\n{told}" if known else counts,
            ha="center",
            va="center",
            fontsize=6,
            color=style.ink(to_hex(colour)),
        )
    ax.set_xticks(range(len(stacks)), [style.words(name) for name in stacks])
    chips = [style.words(name).upper() for name in chips]
    ax.set_yticks(range(len(chips)), chips)
    style.dress(ax, "Measured runs: fitted + never fitted, and median error", "", "")
    ax.tick_params(labelsize=style.SMALL, length=0)
    ax.tick_params(axis="x", rotation=55)
    plt.setp(ax.get_xticklabels(), ha="right", rotation_mode="anchor")
    bar = style.figure(ax).colorbar(image, ax=ax, pad=0.01, aspect=30)
    bar.set_label("median error of step time [%]", fontsize=style.SMALL)
    ticks = [2.0, 5.0, 10.0, 20.0, 50.0]
    bar.set_ticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    bar.minorticks_off()
    bar.ax.tick_params(labelsize=style.SMALL)
    note = "in brackets: of fitted rows alone; grey: no row at hand"
    style.figure(ax).supxlabel(note, fontsize=style.SMALL)
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
