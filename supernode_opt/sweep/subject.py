"""What a sweep is about, in words for the title of a figure."""

from collections.abc import Sequence

from supernode_opt.reading.node import Node, StudyError
from supernode_opt.sweep.axes import Axis
from supernode_opt.sweep.cells import assigned, quietly
from supernode_opt.words import figures

_SIZES = {
    "tensor_parallel": "TP",
    "pipeline_parallel": "PP",
    "context_parallel": "CP",
    "expert_parallel": "EP",
}


def subject_of(top: Node, axes: Sequence[Axis]) -> str:
    """Return machine, model, precision and split of a sweep, as far as they are fixed.

    A study that can be read only at points of the sweep is taken at one of them.
    """
    from supernode_opt.names import proper

    study = None
    for place in (0, -1):
        values = [axis.values[place] for axis in axes]
        try:
            study = quietly(assigned(top, axes, values), judged=False)
            break
        except StudyError:
            continue
    if study is None:
        return str(top.mapping()["system"].plain())
    swept = {axis.path for axis in axes}
    scenario, fixed = study.problem.scenario, study.problem.fixed
    words = []
    if "system" not in swept:
        words.append(proper(study.system))
    if "model" not in swept:
        words.append(proper(scenario.model.name))
    if "training.precision" not in swept:
        words.append(scenario.training.precision.upper())
    if "chips" in fixed and "design.chips" not in swept:
        words.append(f"{figures(float(fixed['chips']))} chips")
    split = [
        f"{short} {figures(float(fixed[name]))}"
        for name, short in _SIZES.items()
        if name in fixed and f"design.{name}" not in swept and float(fixed[name]) > 1.0
    ]
    return ", ".join([*words, *([" ".join(split)] if split else [])])
