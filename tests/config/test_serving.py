"""The section `serving` of a study: what is read, and what is refused in one line."""

import math

import pytest
import yaml

from supernode_opt.config import resolve
from supernode_opt.config.lengths import moments
from supernode_opt.config.study import understand
from supernode_opt.reading import document
from supernode_opt.reading.node import StudyError
from supernode_opt.system.design import TRAINING_ALONE

SERVING = {"input_length": 1000, "output_length": 512, "tpot_limit": "30 ms"}
TOP = {
    "system": "dgx_h100",
    "model": "mixtral_8x7b",
    "serving": SERVING,
    "design": {"chips": 16},
    "objective": {"maximize": "output_tokens_per_s"},
}
TRAINING = {"sequence_length": 4096, "global_batch": 64, "precision": "bf16"}


def read(**changed):
    top = dict(TOP)
    for name, value in changed.items():
        both = isinstance(value, dict) and isinstance(top.get(name), dict)
        top[name] = {**top[name], **value} if both else value
    text = yaml.safe_dump({k: v for k, v in top.items() if v is not None})
    return understand(document.parse(text, "study.yaml"))


def serving(**changed):
    return read(serving=changed).problem.scenario.serving


def test_words_become_si():
    made = serving(
        arrival_rate="120 requests/min",
        cached_share="56 %",
        ttft_limit={"p95": "2 s"},
        weight_precision="FP8",
    )
    assert made.arrival_rate == pytest.approx(2.0)
    assert made.cached_share == pytest.approx(0.56)
    assert (made.ttft_limit, made.ttft_percentile) == (2.0, 0.95)
    assert (made.tpot_limit, made.tpot_percentile) == (0.03, 0.0)
    assert made.weight_precision == "fp8"
    assert serving(arrival_rate="saturation").arrival_rate == 0.0


def test_quantiles_of_a_log_normal_give_it_back():
    """Median 900 and deviation 1 in the logarithm: mean 900 e^0.5, squared
    variation e - 1.
    """
    ninth = math.exp(1.2815515655446004)
    made = moments([(0.1, 900.0 / ninth), (0.5, 900.0), (0.9, 900.0 * ninth)])
    assert made.mean == pytest.approx(900.0 * math.exp(0.5))
    assert made.variation == pytest.approx(math.sqrt(math.e - 1.0))


def test_quantiles_of_one_value_are_that_value():
    made = moments([(0.1, 700.0), (0.5, 700.0), (0.9, 700.0)])
    assert made.mean == pytest.approx(700.0)
    assert made.variation == pytest.approx(0.0, abs=1e-6)
    made = serving(input_length={"p10": 200, "p50": 900, "p90": 4000})
    assert 900.0 < made.input_length < 4000.0
    assert made.input_variation > 1.0


def test_a_precision_that_the_chip_lacks_is_told():
    assert read(serving={"weight_precision": "nvfp4"}).chosen.assumed == (
        "NVFP4 weights multiplied as FP8: h100_sxm has no arithmetic for them",
    )
    assert read(serving={"weight_precision": "fp8"}).chosen.assumed == ()


def test_fields_of_a_pool_stand_below_its_name():
    layout = {"tp": 4, "adp": 2, "expert_parallel": 8, "batch": 32}
    study = read(design={"decode": layout, "prefill": {"chips": 8, "tp": 2}})
    fixed = study.problem.fixed
    assert fixed["tensor_parallel"] == 4.0
    assert fixed["attention_data_parallel"] == 2.0
    assert fixed["decode_batch"] == 32.0
    assert fixed["prefill_chips"] == 8.0
    assert fixed["prefill_tensor_parallel"] == 2.0


def test_what_follows_from_frozen_pools_is_not_free():
    layout = {"tensor_parallel": 1, "attention_data_parallel": 16}
    study = read(design={**layout, "expert_parallel": 16, "prefill_chips": 0})
    assert study.free == ()
    assert study.problem.fixed["redundant_experts"] == 8.0
    dense = read(model="llama3_8b", design={"prefill_chips": 0})
    assert dense.free == ("tensor_parallel",)


def test_a_study_that_was_written_out_is_the_same():
    study = read()
    text = resolve.text(study)
    again = understand(document.parse(text, "study.yaml"))
    assert again.problem == study.problem
    assert resolve.text(again) == text
    told = yaml.safe_load(text)
    assert "training" not in told
    assert not told["design"].keys() & TRAINING_ALONE.keys()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"training": TRAINING}, "`serving` stands beside `training`"),
        ({"serving": None}, "lacks `training` or `serving`"),
        ({"serving": {"tpot_limit": 50}}, "write 50 ms"),
        ({"serving": {"input_lenght": 3}}, "did you mean `input_length`"),
        ({"serving": {"weight_precision": "fp9"}}, "did you mean `fp8`"),
        ({"serving": {"cached_share": 56}}, "write 56 %"),
        ({"serving": {"tpot_percentile": 95}}, "write 95 %"),
        ({"serving": {"input_length": {"p10": 200, "p50": 100}}}, "must rise"),
        ({"serving": {"input_length": {"q10": 200}}}, "is no quantile"),
        ({"serving": {"input_length": 0}}, "must be at least 1"),
        ({"serving": {"tpot_limit": {"x": "50 ms"}}}, "is no percentile"),
        ({"design": {"context_parallel": 2}}, "is of training"),
        (
            {"design": {"prefill_chips": 0, "prefill_tensor_parallel": 4}},
            "has no effect without `prefill_chips`",
        ),
        ({"design": {"tensor_parallel": 3}}, "must divide the 32 attention heads"),
        ({"design": {"prefill_chips": 16}}, "must leave chips for decode"),
        (
            {"model": "llama3_8b", "design": {"expert_parallel": 4}},
            "`design.expert_parallel` must be at most 1",
        ),
        ({"practice": {"overlap": "on"}}, "is of training"),
        ({"scenario": {"stack": "genric"}}, "did you mean `generic`"),
        (
            {
                "serving": None,
                "training": TRAINING,
                "objective": {"minimize": "ttft"},
            },
            "is of machines that serve",
        ),
        (
            {
                "serving": None,
                "training": TRAINING,
                "objective": {"maximize": "mfu"},
                "design": {"prefill_chips": 8},
            },
            "is of a machine that serves",
        ),
    ],
)
def test_what_cannot_be_served_is_refused_in_one_line(changed, said):
    with pytest.raises(StudyError, match=said.replace("(", r"\(")) as refused:
        read(**changed)
    assert "\n" not in str(refused.value)
