"""What a search says beside its design: prices, alternatives, extremes."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Price:
    """What a limit, a bound or a port costs the objective.

    Slopes are derivatives of the objective by the value, whichever way it moves: a
    floor that is a burden has a negative one where the objective is maximised.

    Attributes:
      what: reported quantity, port or variable.
      kind: "limit", "lane" (of a port) or "bound" (of a variable).
      value: of the limit or bound, SI; of a port its lanes.
      unit: of the value, SI.
      slope: per unit, as the limit or bound gives way, or with one lane more.
      slope_back: the same as it is tightened, or with one lane less.
      step_value: limit at which something else becomes better as it gives way.
      step_change: of the objective from now to just beyond that step.
      step_to: what is better there, in words, "" if nothing is.
      back_value, back_change, back_to: the same as the limit is tightened.
      sentence: all of it for people.
    """

    what: str
    kind: str
    value: float
    unit: str
    slope: float
    slope_back: float
    step_value: float = math.nan
    step_change: float = math.nan
    step_to: str = ""
    back_value: float = math.nan
    back_change: float = math.nan
    back_to: str = ""
    sentence: str = ""


@dataclass(frozen=True)
class Alternative:
    """A design of another kind than the best.

    Attributes:
      design: values by name.
      objective: value of what is sought.
      loses: why it is not the best, as sentences.
      constant: dotted path of the constant whose change would put it ahead, "" if none
        does within a factor of two.
      factor: times what the constant would have to be [1].
      inside: whether that is in the constant's range in the catalog; `None` without.
      wins: the same as a sentence.
    """

    design: dict[str, float | str]
    objective: float
    loses: tuple[str, ...] = ()
    constant: str = ""
    factor: float = math.nan
    inside: bool | None = None
    wins: str = ""


@dataclass(frozen=True)
class Extreme:
    """A design near the best with the least of a quantity.

    Attributes:
      what: the quantity.
      words: what people call the design.
      value: of the quantity, SI.
      best: of the quantity, of the best design, SI.
      objective: of the design.
      design: values by name.
      differs: in which choices it differs from the best, "" if in none.
    """

    what: str
    words: str
    value: float
    best: float
    objective: float
    design: dict[str, float | str]
    differs: str = ""
