"""The starter file of a study, with a comment on every section."""

from supernode_opt import catalog

_TEXT = """\
# Ask it:      supernode-opt evaluate {file}     (everything fixed)
#              supernode-opt run {file}          (what is `free` is found)
# Change it:   supernode-opt evaluate {file} --set design.tensor_parallel=4
name: {name}
question: How fast do {chips:g} chips of {system} train Llama 3 8B?

# A name of `supernode-opt catalog system`, or of your own systems.yaml.
system: {system}
# A name of `supernode-opt catalog model`, the path of a config.json, or a shape:
#   model: {{base: llama3_8b, layers: 40}}
model: llama3_8b
training:
  sequence_length: 8192
  global_batch: 256     # sequences per optimizer step
  precision: bf16       # or fp8, best
# Or, in place of `training` and of all sizes below but `chips`:
# serving:
#   input_length: 2048    # tokens, or {{p10: 200, p50: 900, p90: 4000}}
#   output_length: 512
#   tpot_limit: 50 ms     # or {{p95: 50 ms}}
#   weight_precision: fp8
# with a goal such as {{maximize: output_tokens_per_s}}

# Parts of the machine that differ; units as you write them.
# scenario:
#   chip: {{base: {chip}, tdp: 600 W, hbm_bandwidth: 4 TB/s}}

# A value fixes; `free` or {{low: 1, high: 8}} lets `run` find it.
design:
  chips: {chips:g}
  tensor_parallel: 1
  pipeline_parallel: 1
  context_parallel: 1
  expert_parallel: 1
  micro_batch: 1
  interleave: 1
  recompute: full
  optimizer_sharding: zero1
  sequence_parallel: off

# Or {{minimize: cost_per_megatoken}}, {{maximize: tokens_per_joule}}, ...
objective: {{maximize: mfu}}
# constraints:
#   power: {{at_most: 500 kW}}
"""


def text(name: str, system: str, file: str) -> str:
    """Return a study called `name` of a machine, all of it fixed, to go to `file`."""
    built = catalog.system(system)
    # Some machines are one domain of hundreds of chips, others a board of eight.
    chips = max(float(built.design["chips"]), 8.0)
    return _TEXT.format(
        name=name, file=file, system=system, chip=built.chip, chips=chips
    )
