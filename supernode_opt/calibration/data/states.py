"""What a row says of stored states: weights, gradients, optimizer, where they are."""

import re
from typing import Any

from supernode_opt.calibration.data.runs import Run
from supernode_opt.calibration.data.stacks import Stack

# Pieces of a chunked loss: torchtune's and torchtitan's default.
USUAL_CHUNKS = 8.0
# Losses that are cut in pieces together with the LM head, Liger's kernel among them.
_CHUNKED = r"chunked (cross|loss|ce\b)|(loss|entropy) chunks|\bliger\b"
_BYTES = {"fp32": 4.0, "float32": 4.0, "bf16": 2.0, "fp16": 2.0, "fp8": 1.0}


def states_of(run: Run, stack: Stack, assumed: list[str]) -> dict[str, Any]:
    """Return the fields of `Training` that tell bytes a parameter [B] and offload [1].

    What the row does not say is as the stack documents it, for gradients, and 12 bytes
    of master copy and moments of Adam in single precision.
    """
    precision = run.text("precision").lower()
    found: dict[str, Any] = dict(stack.states)
    pure = bool(re.search(r"bf16[^,]*\(params, grads, states\)|bf16-true", precision))
    if pure:
        found |= {"gradient_bytes": 2.0, "optimizer_bytes": 4.0}
    if "fp32 params" in precision:
        # The weights are their own master copy.
        found |= {"weight_bytes": 4.0, "optimizer_bytes": 8.0}
    gradients = run.text("grad_dtype").lower()
    known = next((size for name, size in _BYTES.items() if name in gradients), None)
    if known is not None:
        # What is accumulated stands beside what a backward pass makes.
        found["gradient_bytes"] = known + 2.0 * ("accumulation" in gradients)
    optimizer = run.text("optimizer").lower()
    found |= _optimizer(optimizer, pure)
    if re.search(r"in(to)? backward", optimizer):
        # Each layer's gradients are used up before the next one's exist.
        found["gradient_bytes"] /= run.size("layers")
    said = f"{run.text('other_config')} {run.text('note')}".lower()
    if "loss_chunks" not in found and re.search(_CHUNKED, said):
        found["loss_chunks"] = USUAL_CHUNKS
    if "activation offload" in run.text("recompute").lower():
        found["activation_offload"] = 1.0
    if re.search(r"swap.optimizer", said):
        found["optimizer_offload"] = 1.0
    if optimizer and "optimizer_bytes" not in found and "adam" not in optimizer:
        assumed.append("optimizer Adam in single precision")
    return found


def _optimizer(text: str, pure: bool) -> dict[str, float]:
    """Return bytes per parameter [B] and the share in host memory [1] of its states."""
    found: dict[str, float] = {}
    if re.search(r"8.?bit", text):
        found["optimizer_bytes"] = 2.0
    elif re.search(r"bf16 moments", text):
        found["optimizer_bytes"] = 8.0
    elif re.search(r"bf16 states|states follow bf16", text):
        found["optimizer_bytes"] = 4.0
    elif re.search(r"\bsgd\b", text):
        found["optimizer_bytes"] = 0.0 if pure else 4.0
    elif re.search(r"fp32 master", text):
        found["optimizer_bytes"] = 12.0
    share = re.search(r"offload\w*\D{0,12}?(\d+) ?%|(\d+) ?% cpu offload", text)
    if share:
        found["optimizer_offload"] = min(int(share[1] or share[2]) / 100.0, 1.0)
    elif re.search(r"paged|(?<!no )offload", text):
        found["optimizer_offload"] = 1.0
    return found
