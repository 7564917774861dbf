"""`study.explore`: sliders of a design, and its answer while they are moved."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from supernode_opt.api import wording
from supernode_opt.api.fields import located
from supernode_opt.problem.box import default_variable, possible
from supernode_opt.problem.variables import COUNTS, EVERY_CHOICE, Choice
from supernode_opt.reading.node import StudyError
from supernode_opt.record import get

if TYPE_CHECKING:
    from supernode_opt.api.designs import Evaluated
    from supernode_opt.api.study import Study

# What of a machine moves most, where nothing is named.
_USUAL = ("scale_up_bandwidth", "scale_out_bandwidth", "clock", "tensor_parallel")
_USUAL += ("pipeline_parallel", "expert_parallel", "micro_batch")
# And of one that serves.
_USUAL_SERVING = ("scale_up_bandwidth", "clock", "tensor_parallel", "expert_parallel")
_USUAL_SERVING += ("attention_data_parallel", "prefill_chips", "decode_batch")
# Places of a slider.
_STEPS = 101


class Explorer:
    """Values of fields that can be moved, and the answer there.

    Attributes:
      study: as the values have it; the last one that could be understood.
      answer: its evaluation.
      error: why the values cannot be used just now, "" if they can.
    """

    def __init__(self, study: "Study") -> None:
        """Begin at `study`, frozen."""
        self.study = study.frozen()
        self.answer: Evaluated = self.study.evaluate()
        self.error = ""

    def move(self, **values: Any) -> "Evaluated":
        """Set fields and evaluate anew; what cannot be used is kept as `error`."""
        try:
            study = self.study.set({f"design.{k}": v for k, v in values.items()})
            self.answer, self.study, self.error = study.evaluate(), study, ""
        except StudyError as error:
            self.error = str(error)
        return self.answer

    def text(self) -> str:
        """Say headline and nearest limits in a few lines, and what is wrong."""
        now = self.answer
        lines = [f"{wording.asked(self.study)}: {now.status}"]
        lines += [
            f"  {wording.words(name):<22} {wording.said(name, now[name])}"
            for name in now.headline
        ]
        lines += [
            f"  limit {wording.words(one.name):<28} {wording.left(one)}"
            for one in now.nearest_limits()
        ]
        return "\n".join([*lines, *wording.wrapped([self.error] if self.error else [])])


def explored(study: "Study", names: Sequence[str]) -> Any:
    """Return a widget with a slider per field; see `Study.explore`.

    Raises:
      StudyError: ipywidgets is not installed, or a field is unknown.
    """
    try:
        import ipywidgets
    except ImportError:
        raise StudyError(
            "explore: needs ipywidgets (pip install supernode-opt[notebook])"
        ) from None
    state = Explorer(study)
    shown = ipywidgets.HTML()
    serves = state.study.problem.scenario.serving is not None
    usual = _USUAL_SERVING if serves else _USUAL
    fields = [located(name, "explore")[-1] for name in names] or list(usual)
    sliders = {name: _slider(ipywidgets, state.study, name) for name in fields}

    def show() -> None:
        from supernode_opt.html.notebook import lines

        shown.value = lines(state.text().splitlines())

    def moved(change: Any) -> None:
        name = next(n for n, slider in sliders.items() if slider is change["owner"])
        state.move(**{name: change["new"]})
        show()

    for slider in sliders.values():
        slider.observe(moved, names="value")
    show()
    box = ipywidgets.VBox([*sliders.values(), shown])
    # The widget gives what was found to the cells below.
    setattr(box, "explorer", state)  # noqa: B010
    return box


def _slider(widgets: Any, study: "Study", name: str) -> Any:
    """Return the slider of a number, or the list of an alternative."""
    problem = study.problem
    scenario, fixed = problem.scenario, problem.fixed
    value = fixed.get(name)
    if value is None:
        value = float(get(scenario, name))
    style = {"description_width": "14em"}
    layout = widgets.Layout(width="36em")
    look = {"style": style, "layout": layout, "continuous_update": True}
    label = wording.words(name)
    box = default_variable(name, scenario, fixed)
    if isinstance(box, Choice) or name in EVERY_CHOICE:
        options = list(dict.fromkeys([*getattr(box, "options", ()), str(value)]))
        return widgets.Dropdown(
            options=options, value=str(value), description=label, style=style
        )
    value = float(value)
    low, high = min(box.low, value), max(box.high, value)
    if name in COUNTS:
        least, most = possible(name, scenario, fixed)
        steps = [n for n in _counts(max(low, least), min(high, most)) if n != value]
        return widgets.SelectionSlider(
            options=sorted([*steps, value]), value=value, description=label, **look
        )
    values = sorted({value, *_even(low, high, box.scale == "log")})
    said = [(wording.field_said(name, one), one) for one in values]
    return widgets.SelectionSlider(options=said, value=value, description=label, **look)


def _counts(low: float, high: float) -> list[float]:
    """Return the powers of two, and three times them, between two counts."""
    every = sorted({2.0**k * f for k in range(20) for f in (1.0, 3.0)})
    return [n for n in every if low <= n <= high]


def _even(low: float, high: float, log: bool) -> list[float]:
    """Return values from low to high, in equal steps of the axis."""
    from supernode_opt.api.values import geomspace, linspace

    return (geomspace if log else linspace)(low, high, _STEPS)
