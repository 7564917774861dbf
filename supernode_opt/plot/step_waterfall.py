"""Where the time of one optimizer step goes: named parts climbing to the total."""

import xarray as xr
from matplotlib.axes import Axes
from matplotlib.patches import Patch

from supernode_opt.plot import style
from supernode_opt.plot.measure import Measure, measure, of_variable, words
from supernode_opt.plot.subject import subject

# Parts below this share of the step are drawn as one.
SMALL_SHARE = 0.005
KINDS: dict[str, tuple[str, ...]] = {
    "compute": ("gemm", "attention", "elementwise", "head", "launch", "recompute"),
    "exposed communication": (
        "tensor_parallel",
        "context_parallel",
        "expert_parallel",
        "parameter_gather",
        "pipeline_transfer",
        "data_parallel",
    ),
    "waiting": ("stage_imbalance", "bubble", "straggler"),
    "optimizer and overhead": ("optimizer", "overhead"),
}
# Of a pass of a machine that serves.
SERVING_KINDS: dict[str, tuple[str, ...]] = {
    "compute": (
        "projections",
        "attention",
        "dense_ffn",
        "experts",
        "elementwise",
        "head",
        "draft",
    ),
    "exposed communication": (
        "tensor_parallel",
        "expert_parallel",
        "pipeline_transfer",
    ),
    "prompts between steps": ("prefill",),
    "launch and host": ("launch", "overhead"),
}
_OTHER = 7


def step_waterfall(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the parts of the step time [s], each from where the last one ends.

    Of a machine that serves it is a step of decode.
    """
    whole = float(dataset["step_time"])
    if "prefill_step" not in dataset:
        told = f"Step time {of_variable(dataset, 'step_time').said(whole)}"
        if "mfu" in dataset:
            mfu = of_variable(dataset, "mfu")
            told += f", MFU {mfu.said(float(dataset['mfu']))}"
        return _waterfall(dataset, "step", "step time", KINDS, told, ax)
    token = of_variable(dataset, "tpot").said(float(dataset["tpot"]))
    rate = of_variable(dataset, "decode_tokens_per_s_per_chip")
    told = (
        f"Step of decode {of_variable(dataset, 'step_time').said(whole)}: TPOT {token}"
    )
    told += f", {rate.said(float(dataset['decode_tokens_per_s_per_chip']))} per chip"
    return _waterfall(dataset, "step", "step of decode", SERVING_KINDS, told, ax)


def prefill_waterfall(dataset: xr.Dataset, ax: Axes | None = None) -> Axes:
    """Draw the parts of a full pass of prefill [s] of a machine that serves."""
    whole = float(dataset["prefill_step"].sum())
    name = "prefill_tokens_per_s_per_chip"
    rate = of_variable(dataset, name).said(float(dataset[name]))
    took = measure("prefill_step", "s", whole).said(whole)
    told = f"Full pass of prefill {took}: {rate} per chip"
    return _waterfall(
        dataset, "prefill_step", "pass of prefill", SERVING_KINDS, told, ax
    )


def _waterfall(
    dataset: xr.Dataset,
    name: str,
    called: str,
    kinds: dict[str, tuple[str, ...]],
    told: str,
    ax: Axes | None,
) -> Axes:
    """Draw the parts `name` of a time that is `called` so, under the title `told`."""
    rows = _rows(dataset, name, kinds)
    areas = {kind: style.area(place) for place, kind in enumerate(kinds)}
    other = style.area(_OTHER)
    height = 0.19 * (len(rows) + 1)
    ax = style.axes(ax, height=height + 1.2, narrow=height + 1.5)
    start, total = 0.0, sum(seconds for _, _, seconds in rows)
    time = measure(name, "s", total)
    for row, (_, kind, seconds) in enumerate(rows):
        ends, look = (time(start), time(start + seconds)), areas.get(kind, other)
        ax.barh(row, ends[1] - ends[0], left=ends[0], height=0.72, **look)
        start += seconds
        _mark(ax, row, ends, time.said(seconds), seconds / total, float(time(total)))
        # A thin line carries the eye from the end of a bar to the start of the next.
        ax.plot([ends[1]] * 2, [row, row + 1], color="0.6", lw=0.6, zorder=0)
    ax.barh(len(rows), time(total), height=0.72, color=style.COLOURS["black"])
    _inside(ax, len(rows), time, total)
    names = [label for label, _, _ in rows] + [called]
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(len(rows) + 0.5, -0.5)
    ax.set_xlim(0.0, float(time(total)))
    style.few_ticks(ax.xaxis)
    inside = "pass" if name == "prefill_step" else "step"
    style.dress(ax, across=f"time in the {inside} [{time.unit}]")
    style.title(ax, told, subject(dataset))
    shown = list(dict.fromkeys(kind for _, kind, _ in rows))
    handles = [Patch(**areas.get(k, other), label=k) for k in shown]
    style.legend_below(ax, 4, handles=handles)
    return ax


def _rows(
    dataset: xr.Dataset, name: str, kinds: dict[str, tuple[str, ...]]
) -> list[tuple[str, str, float]]:
    """Return (label, kind, seconds) of each bar, small parts together at the end."""
    parts = dataset[name].to_series()
    floor = SMALL_SHARE * float(parts.sum())
    kept, small = parts[parts >= floor], parts[(parts > 0.0) & (parts < floor)]
    rows = [
        (words(str(part)), _kind(str(part), kinds), float(seconds))
        for part, seconds in kept.items()
    ]
    if len(small):
        label = f"{len(small)} smaller part{'s' if len(small) > 1 else ''}"
        rows.append((label, "other", float(small.sum())))
    return rows


def _kind(part: str, kinds: dict[str, tuple[str, ...]]) -> str:
    return next((kind for kind, parts in kinds.items() if part in parts), "other")


def _mark(
    ax: Axes, row: int, ends: tuple, seconds: str, share: float, total: float
) -> None:
    """Write time and share behind the end of a bar, or before it near the edge.

    A bar that leaves room at neither end has them in it.
    """
    early = ends[0] < 0.35 * total
    before = ends[1] > (0.65 if early else 0.55) * total
    within = before and early
    back = {"boxstyle": "square,pad=0.15", "facecolor": "white", "lw": 0.0}
    ax.annotate(
        f"{seconds} ({100.0 * share:.1f} %)",
        (ends[0] if before and not within else ends[1], row),
        xytext=(-3 if before else 3, 0),
        textcoords="offset points",
        ha="right" if before else "left",
        va="center",
        fontsize=style.SMALL,
        bbox=back if within else None,
    )


def _inside(ax: Axes, row: int, time: Measure, total: float) -> None:
    """Write the whole into its bar."""
    ax.text(
        0.5 * float(time(total)),
        row,
        f"{time.said(total)} (100 %)",
        ha="center",
        va="center",
        color="white",
        fontsize=style.SMALL,
    )
