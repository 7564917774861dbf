"""Tables of made-up collectives whose constants are known."""

import itertools

import numpy as np

from supernode_opt.hardware.collective import (
    OPERATIONS,
    Collective,
    collective_time,
)

RATES = {"h100_sxm": 450e9, "b200_sxm": 900e9}
# What both links share, and what they do not.
EFFICIENCY, LOCAL_SHARE, CHUNK_TIME = 0.80, 0.6, 4e-6
CALL_TIME = {"h100_sxm": 5e-6, "b200_sxm": 8e-6}
STEP_TIME = {"h100_sxm": 0.8e-6, "b200_sxm": 1.2e-6}
HEADER = "system,op_name,num_gpus,bytes,latency_ms"


def truth(system, operation):
    return Collective(
        efficiency=EFFICIENCY,
        congestion=0.0,
        local_share=LOCAL_SHARE,
        switch_work=0.0,
        pair_work=0.0,
        call_time=CALL_TIME[system],
        step_time=STEP_TIME[system],
        chunk_time=CHUNK_TIME,
        item_time=0.0,
        rendezvous_time=0.0,
        rendezvous_step_time=0.0,
        rendezvous_bytes=1e6,
        **OPERATIONS[operation]._asdict(),
    )


def nccl(path, library=""):
    """Write what NCCL would measure with `truth` and return the file."""
    operations = ("all_gather", "reduce_scatter", "alltoall")
    sizes = 2.0 ** np.arange(9, 30)
    lines = [HEADER + (",library" if library else "")]
    for system, name, ranks in itertools.product(RATES, operations, (2, 4, 8)):
        constants = truth(system, name.replace("alltoall", "all_to_all"))
        times = collective_time(constants, float(ranks), sizes, RATES[system])
        for size, seconds in zip(sizes, np.asarray(times), strict=True):
            row = f"{system},{name},{ranks},{size:.0f},{seconds * 1e3:.9f}"
            lines.append(row + (f",{library}" if library else ""))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def one(path, header=HEADER, row="h100_sxm,all_reduce,8,1024,0.016"):
    """Write a table of one row and return the file."""
    path.write_text(f"{header}\n{row}\n", encoding="utf-8")
    return path
