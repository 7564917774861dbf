"""The comparisons and inversions give the answers that their READMEs state."""

from pathlib import Path

import pytest

from supernode_opt.compare.comparison import config as question
from supernode_opt.compare.comparison import solve as answer
from supernode_opt.compare.crossover import config as crossover
from supernode_opt.compare.crossover import report as mapped
from supernode_opt.compare.crossover import solve as surface
from supernode_opt.compare.inversion import config as condition
from supernode_opt.compare.inversion import solve as inversion
from supernode_opt.config import override
from supernode_opt.reading import document


def quiet(what, done):
    pass


def row(dataset, quantity, wanted):
    rows = (dataset["claim_quantity"] == quantity) & (dataset["claim_wanted"] == wanted)
    return dataset.isel(claim=int(rows.values.argmax()))


def test_cloudmatrix384_vs_nvl72():
    asked = question.load("experiments/cloudmatrix384_vs_nvl72/compare.yaml")
    dataset = answer.compare(asked)
    at = dataset.isel(model=0)
    bf16, fp8 = at.sel(precision="bf16"), at.sel(precision="fp8")
    tokens = [392_946, 434_591, 385_878, 213_307, 206_684]
    assert bf16["tokens_per_s"].values == pytest.approx(tokens, rel=2e-3)
    tokens = [580_361, 490_266]
    assert fp8["tokens_per_s"].values[1:3] == pytest.approx(tokens, rel=2e-3)
    # As built it is the machine that design_a_supernode is measured against.
    assert bf16["mfu"].values[0] == pytest.approx(0.402, abs=1e-3)
    kilowatts = [538, 217, 244, 371, 362]
    assert bf16["power"].values / 1e3 == pytest.approx(kilowatts, abs=1.0)
    energy = row(dataset, "tokens_per_joule", "bf16")
    assert energy["claim_word"].item() == "holds"
    assert float(energy["claim_ratio"]) == pytest.approx(2.74, abs=0.02)
    speed = row(dataset, "tokens_per_s", "bf16")
    assert speed["claim_word"].item() == "depends"
    assert float(speed["claim_share"]) == pytest.approx(0.36, abs=0.02)
    assert "Measure next: a measured step of cloudmatrix384" in str(
        speed["claim_sentence"].item()
    )


def test_same_megawatt():
    asked = question.load("experiments/same_megawatt/compare.yaml")
    dataset = answer.compare(asked)
    at = dataset.isel(model=0)
    bf16, fp8 = at.sel(precision="bf16"), at.sel(precision="fp8")
    assert bf16["power"].values / 1e3 == pytest.approx([1076, 1084], abs=1.0)
    assert bf16["mfu"].values == pytest.approx([0.399, 0.381], abs=1e-3)
    assert bf16["tokens_per_s"].values == pytest.approx([780e3, 2192e3], rel=2e-3)
    assert fp8["tokens_per_s"].values == pytest.approx([780e3, 2903e3], rel=2e-3)
    assert list(fp8["trained_in"].values) == ["bf16", "fp8"]
    tokens = row(dataset, "tokens_per_s", "bf16")
    assert tokens["claim_word"].item() == "holds"
    assert float(tokens["claim_ratio"]) == pytest.approx(2.81, abs=0.01)
    assert float(tokens["claim_ratio_low"]) == pytest.approx(1.71, abs=0.02)
    cost = row(dataset, "cost_per_megatoken", "bf16")
    assert cost["claim_word"].item() == "depends"
    assert float(cost["claim_share"]) == pytest.approx(0.90, abs=0.01)
    assert "no single constant changes the verdict" in cost["claim_sentence"].item()
    cheaper = row(dataset, "cost_per_megatoken", "fp8")
    assert cheaper["claim_word"].item() == "holds"
    assert float(cheaper["claim_share"]) == pytest.approx(0.98, abs=0.01)


def test_next_generation():
    asked = question.load("experiments/next_generation/compare.yaml")
    dataset = answer.compare(asked)
    at = dataset.isel(model=0)
    bf16, fp8 = at.sel(precision="bf16"), at.sel(precision="fp8")
    megawatts = [13.2, 32.5, 13.8, 13.2, 8.1]
    assert fp8["power"].values / 1e6 == pytest.approx(megawatts, abs=0.05)
    mfu = [0.311, 0.335, 0.183, 0.395, 0.245]
    assert fp8["mfu"].values == pytest.approx(mfu, abs=1e-3)
    slow, fast = [7.00, 27.7, 28.3, 9.27, 15.5], [9.16, 37.1, 53.1, 9.27, 20.3]
    assert bf16["tokens_per_s"].values / 1e6 == pytest.approx(slow, rel=4e-3)
    assert fp8["tokens_per_s"].values / 1e6 == pytest.approx(fast, rel=4e-3)
    per_joule = [0.695, 1.14, 3.84, 0.702, 2.52]
    assert fp8["tokens_per_joule"].values == pytest.approx(per_joule, rel=4e-3)
    price = [0.380, 0.245, 0.117, 0.295, 0.138]
    assert fp8["cost_per_megatoken"].values == pytest.approx(price, rel=4e-3)
    found = [
        (str(word), float(ratio), float(share))
        for word, ratio, share in zip(
            dataset["claim_word"].values,
            dataset["claim_ratio"].values,
            dataset["claim_share"].values,
            strict=True,
        )
    ]
    wanted = [
        ("holds", 4.04, 1.00),
        ("holds", 5.80, 1.00),
        ("holds", 5.53, 1.00),
        ("holds", 0.309, 0.98),
        ("depends", 1.70, 0.85),
        ("depends", 0.988, 0.49),
        ("depends", 1.64, 0.82),
        ("depends", 0.645, 0.71),
        ("fails", 0.452, 0.03),
        ("holds", 3.37, 1.00),
        ("depends", 0.479, 0.94),
        ("depends", 1.52, 0.83),
        ("depends", 0.849, 0.67),
    ]
    assert [one[0] for one in found] == [one[0] for one in wanted]
    for one, other in zip(found, wanted, strict=True):
        assert one[1] == pytest.approx(other[1], rel=5e-3)
        assert one[2] == pytest.approx(other[2], abs=0.01)


def test_what_nobody_has_published_of_the_next_generation():
    asked = question.load("experiments/next_generation/what_if.yaml")
    at = answer.compare(asked).isel(model=0, precision=0)
    megawatts = [13.2, 16.2, 11.4, 13.8, 13.8]
    assert at["power"].values / 1e6 == pytest.approx(megawatts, abs=0.05)
    tokens = at["tokens_per_s"].values
    assert tokens[4] / tokens[3] == pytest.approx(0.709, abs=0.01)
    price = at["cost_per_megatoken"].values
    assert price[1] / price[0] == pytest.approx(1.37, abs=0.01)
    per_joule = at["tokens_per_joule"].values
    assert per_joule[2] / per_joule[0] == pytest.approx(1.16, abs=0.01)


def test_what_is_masking_worth():
    folder = Path("experiments/what_is_masking_worth")
    dataset = answer.compare(question.load(folder / "compare.yaml"))
    goodput = dataset["goodput"].values.ravel()
    assert goodput == pytest.approx([0.9758, 0.9740], abs=1e-4)
    ratio = dataset.isel(claim=0)
    assert float(ratio["claim_ratio"]) == pytest.approx(1.002, abs=5e-4)
    assert float(ratio["claim_ratio_high"]) == pytest.approx(1.008, abs=5e-4)
    solution = inversion.solve(condition.load(folder / "invert.yaml"), quiet)
    assert solution.found
    assert solution.value == pytest.approx(0.499, abs=2e-3)


def mapped_steps(name, values):
    """Map the steps `values` alone; the others neither help nor hinder them."""
    folder = Path("experiments/optical_or_copper")
    top = document.read(folder / f"{name}.yaml")
    top = override.apply(top, f"across.values={values}")
    asked = crossover.read(top, name)
    return mapped.summary(asked, surface.solve(asked, quiet))


def test_optical_or_copper_weak_chips():
    found = mapped_steps("weak_chips", [32, 192, 384])
    assert found["exact_splits"]
    assert found["rival"]["across"] == 32.0
    assert found["rival"]["cannot"]["192"][0].startswith("scale_up_reach")
    rack, most, whole = found["steps"]
    assert rack["share"] == 0.0
    assert whole["ratio"] == pytest.approx(1.076, abs=1e-3)
    assert whole["share"] == pytest.approx(0.94, abs=0.01)
    per_bit = 8e-12
    assert most["crossing"] / per_bit == pytest.approx(13.65, abs=0.05)
    assert whole["crossing"] / per_bit == pytest.approx(28.33, abs=0.2)
    assert whole["crossing_high"] / per_bit == pytest.approx(43.8, abs=0.5)


def test_optical_or_copper_strong_chips():
    found = mapped_steps("strong_chips", [64, 576])
    assert found["rival"]["across"] == 64.0
    assert [step["crossing"] for step in found["steps"]] == [None, None]
    assert found["steps"][1]["share"] <= 0.01
    found = inversion.solve(
        condition.load("experiments/optical_or_copper/domain.yaml"), quiet
    )
    assert found.between == (144.0, 192.0)
