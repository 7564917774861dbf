"""The same job on four machines as built, each with its best split.

Run it as `python experiments/cloudmatrix384_vs_nvl72/compare.py`; it takes minutes.
"""

from pathlib import Path

import jax

from supernode_opt import load, optimize

QUESTION = Path(__file__).with_name("question.yaml")
# Clusters of about the FLOP/s of CloudMatrix384; one NVL72 cannot hold the model.
MACHINES = {
    "cloudmatrix384": 384,
    "gb200_nvl72": 144,
    "dgx_h100": 288,
    "hgx_h800": 288,
}


def main() -> None:
    """Print one line per machine."""
    jax.config.update("jax_enable_x64", True)
    print("machine         chips PFLOP/s   MFU  tokens/s    kW tokens/J  TP PP EP DP")
    for system, chips in MACHINES.items():
        study = load(QUESTION, [f"system={system}", f"design.chips={chips}"])
        solution = optimize(study.problem, study.settings, study.seed)
        report, design = solution.report, solution.design
        sizes = [f"{d}_parallel" for d in ("tensor", "pipeline", "expert", "data")]
        print(
            f"{system:15s} {chips:5d} {report.peak_flops / 1e15:7.1f} {report.mfu:6.1%}"
            f" {report.tokens_per_s:8.0f} {report.power / 1e3:5.0f}"
            f" {report.tokens_per_joule:8.3f}  "
            + " ".join(f"{design[name]:.0f}" for name in sizes)
        )


if __name__ == "__main__":
    main()
