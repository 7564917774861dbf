"""What the machines of a file do, train or serve, and in which precision."""

import dataclasses
from collections.abc import Mapping
from typing import get_args

from supernode_opt.config.study import JOBS
from supernode_opt.reading.node import Node, StudyError
from supernode_opt.workload.model import Precision
from supernode_opt.workload.serving import FORMATS, Serving

# What ranks splits where the file asks for nothing else.
USUAL = {"training": "tokens_per_s", "serving": "output_tokens_per_s"}
PRECISIONS = (*get_args(Precision), "best")
# Precisions are what chips are good at; all else that is served is the same for all.
_WEIGHTS = "weight_precision"
OWN = (_WEIGHTS, "expert_precision", "activation_precision", "cache_precision")
# What a machine serves in where the file says it machine by machine.
AS_SERVED = "as served"


def job_of(top: Node, sections: Mapping[str, Node], what: str) -> str:
    """Return whether a document, called `what` in errors, is of training or serving.

    Raises:
      StudyError: it is about neither, or about both.
    """
    found = [name for name in JOBS if name in sections]
    if not found:
        raise StudyError(f"{top.place}: {what} lacks `training` or `serving`")
    if len(found) > 1:
        sections["serving"].fail("stands beside `training`: machines do one of them")
    return found[0]


def precisions(sections: Mapping[str, Node]) -> tuple[str, ...]:
    """Return the precisions that may be asked for."""
    return FORMATS if "serving" in sections else PRECISIONS


def usual_precision(sections: Mapping[str, Node]) -> str:
    """Return the precision of a file that asks for none.

    Raises:
      StudyError: what is served has an unknown one.
    """
    if "serving" not in sections:
        return "bf16"
    listed = (item.value for item in sections["systems"].items())
    if any(isinstance(one, dict) and "serving" in one for one in listed):
        return AS_SERVED
    written = sections["serving"].mapping()
    if _WEIGHTS in written:
        return written[_WEIGHTS].one_of(FORMATS, "precision")
    return Serving.__dataclass_fields__[_WEIGHTS].default


def trained(sections: Mapping[str, Node], own: Node | None) -> Node:
    """Return the section of training of one machine.

    Args:
      sections: of the file.
      own: what the machine says of serving.

    Raises:
      StudyError: it says anything, or the section names a precision.
    """
    if own is not None:
        own.fail("is of machines that serve")
    training = sections["training"]
    if "precision" in training.mapping():
        training.mapping()["precision"].fail("is asked for in `precisions`")
    return training


def served(sections: Mapping[str, Node], own: Node | None, wanted: str) -> Node:
    """Return the section of serving of one machine: what all share, and its precisions.

    Args:
      sections: of the file.
      own: what the machine says of its precisions.
      wanted: precision of the weights.

    Raises:
      StudyError: it says anything else, or the precision of weights is said twice.
    """
    shared = sections["serving"]
    made = dict(shared.mapping())
    if own is not None:
        made |= own.mapping(OWN)
    if wanted != AS_SERVED:
        asked = "precisions" in sections or "precision" in sections
        if asked and _WEIGHTS in made:
            made[_WEIGHTS].fail("is asked for in `precisions`")
        made[_WEIGHTS] = Node(wanted, f"serving.{_WEIGHTS}", shared.place)
    return dataclasses.replace(shared, value=made)
