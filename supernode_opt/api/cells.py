"""What a cell of a notebook shows of an answer about one design."""

from typing import TYPE_CHECKING, Any

from supernode_opt.api import wording

if TYPE_CHECKING:
    from supernode_opt.api.designs import Evaluated

# Of a total: most parts that are named, and the least share that one must have [1].
_MOST, _LEAST = 8, 0.01
_TOTALS = ("step_time", "power")


def cell(answer: "Evaluated") -> dict[str, Any]:
    """Return headline, ranges, parts, limits and evidence of an answer, in words."""
    return {
        "asked": wording.asked(answer.study),
        "status": answer.status,
        "how": answer.how,
        "taken": wording.values_said(answer.taken),
        "headline": [
            (
                wording.words(name),
                wording.said(name, answer[name]),
                _range(answer, name),
            )
            for name in answer.headline
        ],
        "bars": [_bars(answer, name) for name in _TOTALS if answer[name] > 0.0],
        "limits": [
            (
                wording.words(one.name),
                wording.said(one.name, one.value),
                wording.said(one.name, one.limit),
                wording.left(one),
            )
            for one in answer.nearest_limits()
        ],
        "message": answer.message,
        "evidence": answer.evidence,
        "assumed": answer.assumed,
    }


def _range(answer: "Evaluated", name: str) -> str:
    low, high = answer.ranges.get(name, (0.0, 0.0))
    return wording.range_said(name, low, high) if low < high else ""


def _bars(answer: "Evaluated", name: str) -> dict[str, Any]:
    """Return the parts of a total, largest first, small ones together."""
    whole = answer[name]
    parts = sorted(answer.parts(name).items(), key=lambda item: -item[1])
    large = [(part, v) for part, v in parts if v >= _LEAST * whole][:_MOST]
    rest = whole - sum(v for _, v in large)
    if rest > 1e-3 * whole:
        large.append(("everything else", rest))
    return {
        "title": f"{wording.words(name)} {wording.said(name, whole)}",
        "parts": [
            (wording.words(part), wording.said(name, v), v / whole) for part, v in large
        ],
    }
