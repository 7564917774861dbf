"""Small random studies of machines that serve, as the text a user would write."""

import numpy as np
import yaml

from tests.oracle.exact import reports
from tests.oracle.program import read
from tests.oracle.space import space

_GOALS = (
    ("output_tokens_per_s", "maximize"),
    ("decode_tokens_per_s_per_chip", "maximize"),
    ("tokens_per_joule", "maximize"),
    ("requests_per_s", "maximize"),
    ("prefill_tokens_per_s_per_chip", "maximize"),
    ("power", "minimize"),
)
_DISCRETE = (("cost_per_megatoken", "minimize"), ("ttft", "minimize"))
_PORT = {"scale_up_bandwidth": 0.5, "scale_out_bandwidth": 0.5}


def draw(choose, axes=()):
    """Return the text of a study with `axes` free beside the layout."""
    system, boards = choose.pick(
        (("dgx_h100", 1), ("dgx_h100", 2), ("hgx_h20", 2), ("atlas_800t_a3", 1))
    )
    model = choose.pick(("llama3_8b", "mixtral_8x7b", "qwen3_30b_a3b", "llama3_70b"))
    serving = {
        "input_length": choose.pick((256, 1024, 4096)),
        "output_length": choose.pick((64, 512, 1024)),
        "weight_precision": choose.pick(("bf16", "fp8")),
    }
    if choose.pick((True, True, False)):
        serving["tpot_limit"] = f"{choose.pick((8, 15, 30, 60))} ms"
    if choose.pick((True, False)) and not axes:
        serving["ttft_limit"] = f"{choose.pick((100, 300, 1000))} ms"
        serving["arrival_rate"] = f"{choose.pick((1, 5, 20))} requests/s"
    top = {"system": system, "model": model, "serving": serving}
    text = yaml.safe_dump(top | {"design": {}, "objective": {"minimize": "power"}})
    base = read(text).problem
    board = int(base.scenario.host.chips_per_board)
    design = {"chips": board * boards, "oversubscription": 1.0}
    if choose.pick((True, False)):
        design["prefill_chips"] = 0
    if choose.pick((True, False, False)):
        design["draft_tokens"] = {"low": 0, "high": 2}
    if choose.pick((True, False, False)):
        design["dual_batch"] = "free"
    if choose.pick((True, False, False)):
        design["decode_batch"] = choose.pick((8, 32))
    if choose.pick((True, False)) and not axes:
        design["pipeline_parallel"] = {"low": 1, "high": 2}
    for name in axes:
        if name == "clock":
            design[name] = {"low": 0.5, "high": 0.8}
            continue
        usual = float(base.fixed[name])
        share = choose.number(0.3, 0.8)
        design[name] = {"low": f"{share * usual} B/s", "high": f"{1.3 * usual} B/s"}
    name, sense = choose.pick(_GOALS if axes else (*_GOALS, *_DISCRETE))
    top |= {"design": design, "objective": {sense: name}}
    return yaml.safe_dump(top | _limits(choose, top), sort_keys=False)


def _limits(choose, top):
    """Draw limits from what random designs of the study attain."""
    problem = read(yaml.safe_dump(top)).problem
    where = space(problem, whole_lanes=False)
    random = np.random.default_rng(int(choose.number(0, 1e6)))
    index = random.integers(0, len(where.columns["chips"]), 64)
    rows = where.rows(index, random.random((64, len(where.axes))))
    values = reports(problem.scenario, rows)
    found = {}
    for name, word, unit in choose.pick(
        (
            (),
            (("output_tokens_per_s", "at_least", ""),),
            (("power", "at_most", " W"),),
            (("output_tokens_per_s", "at_least", ""), ("power", "at_most", " W")),
        )
    ):
        if name != problem.objective.name:
            at = float(np.quantile(values[name], choose.number(0.2, 0.95)))
            found[name] = {word: f"{at:.6g}{unit}" if unit else at}
    return {"constraints": found} if found else {}
