"""The experiments give the answers that their READMEs state."""

import pytest

from supernode_opt import evaluate, load, optimize
from supernode_opt.problem.build import build_design


def solved(path, *overrides):
    study = load(path, overrides)
    return optimize(study.problem, study.settings, study.seed)


def evaluated(path, *overrides):
    problem = load(path, overrides).problem
    design = build_design(problem.fixed, problem.scenario)
    return evaluate(design, problem.scenario)


def test_design_a_supernode():
    folder = "experiments/design_a_supernode"
    best = solved(f"{folder}/question.yaml")
    built = solved(f"{folder}/as_built.yaml")
    assert best.status == built.status == "optimal"
    assert best.certificate["agree"]
    assert best.certificate["open"] == 0
    assert best.report.mfu == pytest.approx(0.366, abs=1e-3)
    assert built.report.mfu == pytest.approx(0.358, abs=1e-3)
    assert best.design["scale_up_domain"] == best.design["chips"] == 384
    assert best.report.power <= 559e3 * (1 + 1e-9)


def test_pangu_ultra():
    folder = "experiments/pangu_ultra"
    trained = evaluated(f"{folder}/as_trained.yaml")
    plain = evaluated(f"{folder}/as_trained.yaml", "design.interleave=1")
    assert float(trained.mfu) == pytest.approx(0.444, abs=1e-3)
    assert float(plain.mfu) == pytest.approx(0.316, abs=1e-3)
    best = solved(f"{folder}/question.yaml")
    assert best.certificate["agree"]
    assert best.report.mfu == pytest.approx(0.476, abs=1e-3)


def test_pangu_ultra_moe():
    folder = "experiments/pangu_ultra_moe"
    trained = evaluated(f"{folder}/as_trained.yaml")
    assert float(trained.mfu) == pytest.approx(0.264, abs=1e-3)
    best = solved(f"{folder}/question.yaml")
    assert best.report.mfu == pytest.approx(0.290, abs=1e-3)


def test_two_racks_equal_cloudmatrix384():
    """CloudMatrix384 itself is solved above: the same machine and job as built."""
    question = "experiments/cloudmatrix384_vs_nvl72/question.yaml"
    found = solved(question, "system=gb200_nvl72", "design.chips=144")
    assert found.report.tokens_per_s == pytest.approx(364_490, rel=2e-3)
    assert found.report.power / 1e3 == pytest.approx(237.6, abs=0.5)


# Machine, chips, and the best split that the README states.
SPLITS = [
    ("cloudmatrix384", 384, (2, 1, 128, 1, 1), "none", "zero3", "on", 373_469, 527.6),
    ("dgx_h100", 288, (2, 9, 16, 7, 2), "full", "zero2", "on", 170_658, 365.5),
    ("hgx_h800", 288, (1, 9, 32, 1, 1), "full", "zero2", "off", 243_311, 355.6),
]
SIZES = ("tensor_parallel", "pipeline_parallel", "expert_parallel", "interleave")


@pytest.mark.parametrize(
    (
        "system",
        "chips",
        "sizes",
        "recompute",
        "sharding",
        "sequence",
        "tokens",
        "kilowatts",
    ),
    SPLITS,
)
def test_splits_of_the_readme_give_its_numbers(
    system, chips, sizes, recompute, sharding, sequence, tokens, kilowatts
):
    question = "experiments/cloudmatrix384_vs_nvl72/question.yaml"
    problem = load(question, [f"system={system}", f"design.chips={chips}"]).problem
    plan = dict(zip((*SIZES, "micro_batch"), sizes, strict=True))
    plan |= {
        "recompute": recompute,
        "optimizer_sharding": sharding,
        "sequence_parallel": sequence,
        "context_parallel": 1,
    }
    design = build_design({**problem.fixed, **plan}, problem.scenario)
    report = evaluate(design, problem.scenario)
    assert float(report.tokens_per_s) == pytest.approx(tokens, rel=2e-3)
    assert float(report.power) / 1e3 == pytest.approx(kilowatts, abs=0.5)


def test_one_rack_cannot_hold_the_model():
    question = "experiments/cloudmatrix384_vs_nvl72/question.yaml"
    found = solved(question, "system=gb200_nvl72", "design.chips=72")
    assert found.status == "infeasible"
    assert found.relaxation[0][0] == "memory_fraction"
    assert found.relaxation[0][1] == pytest.approx(17.2, abs=0.2)
