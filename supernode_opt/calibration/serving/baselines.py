"""What a prediction has to beat: the plain roofline, and one utilisation of it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from supernode_opt import catalog
from supernode_opt.calibration.serving.job import Job
from supernode_opt.calibration.serving.posterior import QUANTITIES
from supernode_opt.calibration.serving.predict import Predicted, Table
from supernode_opt.calibration.step_time.score import members
from supernode_opt.system.serving.rate import rate_of
from supernode_opt.workload.cache import token_bytes
from supernode_opt.workload.parameters import active_parameters, parameters
from supernode_opt.workload.serving import accepted, formats_of


def roofline(
    jobs: Sequence[Job], stacked: Table, predicted: Predicted
) -> dict[str, NDArray]:
    """Return what peak rates alone allow, by quantity [job].

    A step reads the weights that its tokens touch and the caches of its requests, or
    multiplies; a prompt multiplies.  Nothing else takes time.
    """
    found = {name: np.full(len(jobs), np.nan) for name in QUANTITIES}
    for i, job in enumerate(jobs):
        layout = job.layouts[int(stacked.order[predicted.case[i]])]
        for name, one in zip(
            QUANTITIES, _plain(job, layout, float(predicted.batch[i])), strict=True
        ):
            found[name][i] = one
    return found


def _plain(job: Job, layout: object, batch: float) -> tuple[float, float, float]:
    model, serving = job.model, job.serving
    chip = catalog.load("chip", catalog.system(job.machine).chip)
    formats = formats_of(serving)
    dies = float(chip.ranks_per_chip)
    stage = layout.tensor * layout.data  # type: ignore[attr-defined]
    chips = stage * layout.pipeline / dies  # type: ignore[attr-defined]
    total, active = float(parameters(model)), float(active_parameters(model))
    requests = batch * layout.data  # type: ignore[attr-defined]
    tokens = requests * (1.0 + job.drafts)
    share = 1.0
    if float(model.experts) > 0.0:
        miss = 1.0 - float(model.top_k) / float(model.experts)
        share = 1.0 - miss ** max(tokens, 1.0)
    # pyrefly: ignore[bad-argument-type]
    size = float(formats.expert_bytes if float(model.experts) else formats.weight_bytes)
    read = max(active, total * share) * size
    context = float(serving.input_length) + 0.5 * float(serving.output_length)
    cached = requests * context * float(token_bytes(model, formats.cache_bytes))
    memory = (read + cached) / (chips * float(chip.hbm_bandwidth))
    peak = float(rate_of(chip, formats.expert_arithmetic))
    computing = 2.0 * active * tokens / (chips * peak)
    yielded = float(accepted(serving, job.drafts))
    step = max(memory, computing)
    prompt = 2.0 * active * float(serving.input_length) / (chips * peak)
    ttft = prompt + step
    decode = requests * yielded / step / chips
    reading = chips * peak / (2.0 * active) / chips
    if job.phase == "prefill":
        return np.nan, ttft, reading
    if job.phase == "decode":
        return step / yielded, np.nan, decode
    length, output = float(serving.input_length), float(serving.output_length)
    kinds = {"in": length, "out": output, "total": length + output}
    rate = kinds[job.measured.kind] / (length / reading + output / decode)
    tpot = step / yielded + requests / output * prompt
    return tpot, ttft, rate


def one_utilisation(
    jobs: Sequence[Job], plain: dict[str, NDArray], measured: dict[str, NDArray]
) -> dict[str, NDArray]:
    """Return the roofline over one utilisation per chip and phase, by quantity [job].

    It is the median of the rows it is judged on, which is more than a prediction knows.
    """
    found = {}
    keys = [(job.machine, job.phase) for job in jobs]
    for name in QUANTITIES:
        ratio = measured[name] / plain[name]
        scaled = np.full(len(jobs), np.nan)
        for rows in members(keys).values():
            known = np.asarray(rows)[np.isfinite(ratio[rows])]
            middle = np.median(ratio[known]) if len(known) else 1.0
            scaled[rows] = plain[name][rows] * middle
        found[name] = scaled
    return found
