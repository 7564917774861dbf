"""Where the kernels of a design stand under the roof of its chip."""

from typing import Any

import jax.numpy as jnp
import numpy as np

from supernode_opt.system.design import Design
from supernode_opt.system.job import rank_share
from supernode_opt.system.kernels import gemm_roofline
from supernode_opt.system.layer_times import layer_times
from supernode_opt.system.ranks import as_ranks
from supernode_opt.system.scenario import Scenario
from supernode_opt.workload.operators import (
    attention_bytes,
    attention_flops,
    elementwise_bytes,
    layer_gemms,
)
from supernode_opt.workload.recompute import RECOMPUTE, again

Row = tuple[str, float, float, float]


def operators(design: Design, scenario: Scenario) -> dict[str, Any]:
    """Return the operators of one forward pass of one micro-batch on an average chip.

    The result has the arrays `name`, `flops` [flop], `bytes` [B] and `time` [s]; an
    operator of several layers is counted in all of them.
    """
    design, scenario = as_ranks(design, scenario)
    model = scenario.model
    split, *_ = rank_share(design, scenario, False)
    gemms, parts = layer_gemms(model, split)
    every = gemm_roofline(gemms, scenario, design.clock)
    times, flops, moved = (quantity[0] for quantity in every)
    nothing = again(jnp.eye(len(RECOMPUTE))[0], scenario.recompute, 0.0)
    passes, _ = layer_times(scenario, split, nothing, design.clock, jnp.inf)
    dense, experts = model.dense_layers, model.layers - model.dense_layers
    counts = np.ones(len(gemms.names))
    for part, count in (
        ("attention", model.layers),
        ("dense", dense),
        ("expert", experts),
        ("head", 1.0),
        # Layers that predict ahead are not shown, nor what goes before them.
        ("ahead", 0.0),
    ):
        counts[parts[part]] = count
    rows: list[Row] = [
        (
            name,
            float(count * flops[index]),
            float(count * moved[index]),
            float(count * times[index]),
        )
        for index, (name, count) in enumerate(zip(gemms.names, counts, strict=True))
    ]
    rows.append(
        (
            "attention core",
            float(model.layers * attention_flops(model, scenario.training, split)),
            float(model.layers * attention_bytes(model, split)),
            float(model.layers * passes.attention[0, 0]),
        )
    )
    traffic = elementwise_bytes(model, split)
    streamed = model.layers * traffic.norm + dense * traffic.dense
    streamed = streamed + experts * traffic.expert
    streaming = dense * passes.elementwise[0, 0] + experts * passes.elementwise[1, 0]
    rows.append(("elementwise", 0.0, float(streamed), float(streaming)))
    # A chip holds one of the pipeline's stages.
    stages = float(design.pipeline_parallel)
    kept = [row for row in rows if row[3] > 0.0]
    names, *columns = zip(*kept, strict=True)
    arrays = [np.asarray(column) / stages for column in columns]
    return {"name": names, **dict(zip(("flops", "bytes", "time"), arrays, strict=True))}
