"""Nine colours, and for each series or area a second sign beside its colour."""

from typing import Any

from matplotlib.colors import to_rgb

# The palette of Okabe and Ito (2008), made to be told apart by colour-blind readers,
# and a grey.
COLOURS = {
    "blue": "#0072B2",
    "orange": "#E69F00",
    "green": "#009E73",
    "vermilion": "#D55E00",
    "sky": "#56B4E9",
    "purple": "#CC79A7",
    "yellow": "#F0E442",
    "black": "#000000",
    "grey": "#8C8C8C",
}
# Those whose outline can be seen on white. Seven shapes and eight colours share no
# factor, so that the first 56 pairs differ.
OUTLINES = ["blue", "vermilion", "green", "orange", "purple", "black", "sky", "grey"]
MARKERS = "osD^vPX"
# Areas, and a hatch for each, for those who print without colour.
AREAS = ["blue", "orange", "green", "sky", "vermilion", "purple", "yellow", "grey"]
HATCHES = ["", "////", "....", "\\\\\\\\", "xxxx", "----", "||||", "++++"]
DASHES = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 3))]


def mark(order: int) -> tuple[str, str]:
    """Return the marker and the colour of the series number `order`.

    >>> mark(0), mark(8)
    (('o', '#0072B2'), ('s', '#0072B2'))
    """
    return MARKERS[order % len(MARKERS)], COLOURS[OUTLINES[order % len(OUTLINES)]]


def area(order: int) -> dict[str, Any]:
    """Return colour and hatch of the filled area number `order`."""
    colour = COLOURS[AREAS[order % len(AREAS)]]
    return {
        "facecolor": colour,
        "hatch": HATCHES[order % len(HATCHES)],
        "edgecolor": "white" if ink(colour) == "white" else "0.25",
        "linewidth": 0.4,
    }


def ink(colour: str) -> str:
    """Return black or white, whichever can be read on `colour`."""
    red, green, blue = to_rgb(colour)
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"
