"""What a sweep is about, in words for the title of a figure."""

from collections.abc import Container, Sequence

from supernode_opt.config.study import Study
from supernode_opt.names import SPLIT, proper, split_words
from supernode_opt.reading.node import Node, StudyError
from supernode_opt.sweep.axes import Axis
from supernode_opt.sweep.places import assigned, quietly
from supernode_opt.system.scenario import precision_of
from supernode_opt.words import figures

# Where a study says the precision, by whether its machine serves.
_PRECISIONS = {False: "training.precision", True: "serving.weight_precision"}


def subject_of(top: Node, axes: Sequence[Axis]) -> str:
    """Return machine, model, precision and split of a sweep, as far as they are fixed.

    A study that can be read only at points of the sweep is taken at one of them.
    """
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
    fixed, words = study.problem.fixed, about(study, swept)
    if "chips" in fixed and "design.chips" not in swept:
        words.append(f"{figures(float(fixed['chips']))} chips")
    sizes = {name: fixed[name] for name in SPLIT if name in fixed}
    still = {name: v for name, v in sizes.items() if f"design.{name}" not in swept}
    split = split_words(still, SPLIT)
    return ", ".join([*words, split] if split else words)


def about(study: Study, swept: Container[str] = ()) -> list[str]:
    """Return machine, model and precision of a study, but for paths that are swept."""
    scenario = study.problem.scenario
    told = {
        "system": proper(study.system),
        "model": proper(scenario.model.name),
        _PRECISIONS[scenario.serving is not None]: precision_of(scenario).upper(),
    }
    return [word for path, word in told.items() if path not in swept]
