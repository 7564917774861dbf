"""Series of step time and token rate, found by what programs call them.

Megatron-LM, torchtitan, NeMo and the trainer of Hugging Face name the same thing in
their own ways, and experiment trackers keep those names.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from supernode_opt.logs.log import BadLog, Log, Series

_TIME = re.compile(
    r"iteration[-_ /]?time|step[-_ /]?time|time[-_ ]?per[-_ ]?(step|iter)"
    r"|train_step_timing|time_metrics/end_to_end|elapsed[-_ ]?time[-_ ]?per|sec(onds)?"
    r"[-_ ]?per[-_ ]?(step|iter)",
    re.I,
)
_MILLISECONDS = re.compile(r"\(ms\)|_ms\b|[-_ ]ms$|milli", re.I)
_EACH = re.compile(
    r"throughput\(tps\)|\btps\b|\btgs\b|tok(en)?s?[-_ /]?(per|/)[-_ ]?s\w*[-_ /]*"
    r"(per|/)[-_ ]?(gpu|device|chip|accel|npu|tpu)",
    re.I,
)
_ALL = re.compile(r"tok(en)?s?[-_ ]?(per|/)[-_ ]?s(ec(ond)?)?s?$", re.I)
# Of validation, and shares of a time.
_OTHER = re.compile(
    r"(^|[/_ -])(valid\w*|eval\w*|test|max|min|std)([/_ (-]|$)|\(%\)", re.I
)


def log(
    path: Path,
    kind: str,
    series: Mapping[str, Series],
    cells: Mapping[str, str],
    **more: Any,
) -> Log:
    """Return the log of series by their names, of which step time counts first.

    Raises:
      BadLog: none of them is a step time or a token rate.
    """
    named = {n: s for n, s in series.items() if s and not _OTHER.search(n)}
    found = _first(named, _TIME)
    if found:
        scale = 1e-3 if _MILLISECONDS.search(found) else 1.0
        seconds = tuple((step, value * scale) for step, value in named[found])
        return Log(path, f"{kind} ({found})", cells, seconds=seconds, **more)
    found = _first(named, _EACH)
    if found:
        return Log(path, f"{kind} ({found})", cells, rates=named[found], **more)
    found = _first(named, _ALL)
    if found:
        return Log(path, f"{kind} ({found})", cells, totals=named[found], **more)
    some = ", ".join(list(series)[:6])
    raise BadLog(f"has no step time or token rate among its series: {some or 'none'}")


def _first(series: Mapping[str, Series], words: re.Pattern[str]) -> str | None:
    return next((name for name in series if words.search(name)), None)
