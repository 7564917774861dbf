"""Lengths of prompts and answers: a value, a mean with its spread, or quantiles.

Between two quantiles, and beyond the outer ones, the logarithm of the length is linear
in the normal score of the share, so that three quantiles of a log-normal distribution
give back that distribution.  Mean and variance of the pieces are those of truncated
log-normal ones (Johnson, Kotz and Balakrishnan 1994, Continuous Univariate
Distributions, chapter 14); with the normal distribution function F

    E[e^(k (a + b z)); z1 < z < z2] = e^(k a + (k b)^2 / 2) (F(z2 - k b) - F(z1 - k b))
"""

import itertools
import math
import re
from statistics import NormalDist
from typing import NamedTuple

from supernode_opt.reading.node import Node
from supernode_opt.units import parse

_NORMAL = NormalDist()
_WORDS = ("mean", "variation", "median")
_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d+)?)")
_TOKENS = re.compile(r"\s*tokens?\s*$")


class Lengths(NamedTuple):
    """What is known of how long prompts or answers are.

    Attributes:
      mean: [1].
      variation: standard deviation over mean, `None` where nothing says it [1].
    """

    mean: float
    variation: float | None


def read_lengths(node: Node, least: float) -> Lengths:
    """Read `1024`, `{mean: 1024, variation: 0.5}` or `{p10: 200, p50: 900, p90: 4000}`.

    Args:
      node: where it is written.
      least: length that is allowed.

    Raises:
      StudyError: it is none of these, or quantiles fall.
    """
    if not isinstance(node.value, dict):
        return Lengths(_length(node, least), None)
    written = dict(node.mapping())
    if "mean" in written:
        known = node.mapping(("mean", "variation"))
        spread = known.get("variation")
        variation = None if spread is None else _number(spread)
        if variation is not None and variation < 0.0:
            known["variation"].fail("must not be negative")
        return Lengths(_length(known["mean"], least), variation)
    points: dict[float, float] = {}
    for name, child in written.items():
        found = _PERCENTILE.fullmatch(str(name).lower())
        share = 0.5 if name == "median" else found and float(found.group(1)) / 100.0
        if not share:
            child.fail(
                "is no quantile: write `p50`, `p90` and the like, or `mean` and"
                " `variation`"
            )
        points[share] = _length(child, 1.0)
    if not points:
        node.fail("must have quantiles such as `p50: 900`")
    order = sorted(points.items())
    for (below, low), (above, high) in itertools.pairwise(order):
        if high < low:
            node.fail(
                f"must rise, but has {high:g} at p{100 * above:g} below {low:g} at"
                f" p{100 * below:g}"
            )
    return moments(order)


def moments(points: list[tuple[float, float]]) -> Lengths:
    """Return mean and variation of what has these quantiles, (share, value) rising.

    >>> low, high = math.exp(-1.2815515655446004), math.exp(1.2815515655446004)
    >>> made = moments([(0.1, 900.0 * low), (0.5, 900.0), (0.9, 900.0 * high)])
    >>> round(made.mean, 2), round(made.variation, 4)
    (1483.85, 1.3108)
    """
    if len(points) == 1:
        return Lengths(points[0][1], None)
    scores = [_NORMAL.inv_cdf(share) for share, _ in points]
    logs = [math.log(value) for _, value in points]
    slopes = [
        (logs[k + 1] - logs[k]) / (scores[k + 1] - scores[k])
        for k in range(len(logs) - 1)
    ]
    ends = [-math.inf, *scores[1:-1], math.inf]
    first = second = 0.0
    for k, slope in enumerate(slopes):
        start = logs[k] - slope * scores[k]
        for power in (1.0, 2.0):
            shift = power * slope
            share = _below(ends[k + 1] - shift) - _below(ends[k] - shift)
            part = math.exp(power * start + 0.5 * shift**2) * share
            first, second = (
                (first + part, second) if power == 1.0 else (first, second + part)
            )
    return Lengths(first, math.sqrt(max(second / first**2 - 1.0, 0.0)))


def _below(score: float) -> float:
    return _NORMAL.cdf(score) if math.isfinite(score) else float(score > 0.0)


def _length(node: Node, least: float) -> float:
    """Read a number of tokens, with or without that word."""
    value = _number(node)
    if not math.isfinite(value) or value < least:
        node.fail(f"must be at least {least:g}, but is {node.described()}")
    return value


def _number(node: Node) -> float:
    value = node.value
    if isinstance(value, str):
        try:
            return float(parse(_TOKENS.sub("", value), ""))
        except ValueError:
            node.fail(f"must be a number of tokens, but is {node.described()}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        node.fail(f"must be a number, but is {node.described()}")
    return float(value)
