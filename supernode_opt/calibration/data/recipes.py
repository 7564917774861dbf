"""What recipes of a stack say of the model and the training of a row."""

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from supernode_opt.calibration.data.runs import Run
from supernode_opt.calibration.data.stacks import Stack
from supernode_opt.workload.model import Model, Training

# Tasks that start from a trained model.
_TUNES = r"\b(sft|q?lora|peft|adapters?|fine.?tun\w*)\b"


def tuned(run: Run, stack: Stack, assumed: list[str]) -> Mapping[str, Any]:
    """Return what a stack's recipes for fine-tuning say of the training."""
    task = f"{run.text('task')} {run.text('usable_for')}"
    if not stack.tuning or not re.search(_TUNES, task, re.IGNORECASE):
        return {}
    said = ", ".join(f"{k.replace('_', ' ')} {v:g}" for k, v in stack.tuning.items())
    assumed.append(f"{said}, as {stack.name} fine-tunes")
    return stack.tuning


def banded(model: Model, training: Training, stack: Stack, assumed: list[str]) -> Model:
    """Return the model as a stack whose attention has a limited reach trains it."""
    reach = stack.attention_reach
    if not reach or training.sequence_length <= reach or model.window:
        return model
    assumed.append(f"attention over {reach:,.0f} tokens, as {stack.name} does")
    return dataclasses.replace(model, window=reach, windowed_share=1.0)
