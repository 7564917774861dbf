"""Draw the pictures of the experiments anew: `python experiments/gallery.py FOLDER`.

Each question is answered by its command, some minutes in all on two cores, into the
folder of `--results`; an answer that lies there is not computed again.  Pictures go to
FOLDER/EXPERIMENT/PICTURE.png; with `experiments` as FOLDER they replace those that are
committed.
"""

import argparse
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Command, question, and the pictures of its answer by the name of the figure.
QUESTIONS: dict[str, tuple[tuple[str, str, dict[str, str]], ...]] = {
    "cloudmatrix384_vs_nvl72": (
        ("compare", "compare.yaml", {"comparison": "comparison"}),
    ),
    "design_a_supernode": (
        (
            "run",
            "question.yaml",
            {
                "step_waterfall": "step_waterfall",
                "power_stack": "power_stack",
                "roofline": "roofline",
                "convergence": "convergence",
            },
        ),
    ),
    "how_well_is_it_known": (
        (
            "validate",
            "",
            {
                "ratios_by_family": "ratios_by_family",
                "evidence_map": "evidence_map",
                "predicted_measured": "predicted_measured",
            },
        ),
    ),
    "map_of_a_design_space": (
        (
            "sweep",
            "budget.yaml",
            {"contour": "contour", "feasible": "feasible", "front": "front"},
        ),
        (
            "sweep",
            "links.yaml",
            {"regimes": "regimes", "parallel_coordinates": "parallel_coordinates"},
        ),
    ),
    "mfu_against_power": (("pareto", "question.yaml", {"pareto": "pareto"}),),
    "next_generation": (("compare", "compare.yaml", {"comparison": "comparison"}),),
    "one_machine_three_models": (
        (
            "run",
            "question.yaml",
            {"shares": "shares", "joint_steps": "joint_steps", "course": "course"},
        ),
    ),
    "optical_or_copper": (
        ("crossover", "weak_chips.yaml", {"crossover": "weak_chips"}),
        ("crossover", "strong_chips.yaml", {"crossover": "strong_chips"}),
    ),
    "same_megawatt": (("compare", "compare.yaml", {"comparison": "comparison"}),),
    "what_is_masking_worth": (
        ("invert", "invert.yaml", {"inversion": "masking_needed"}),
    ),
}
# Designs side by side, the best one and a machine as built.
STACKS = ("design_a_supernode", "question.yaml", "as_built.yaml")


def answered(experiment: str, verb: str, question: str, results: Path) -> Path:
    """Return the folder with the answer of a question, asked if it is missing."""
    stem = Path(question).stem or verb
    folder = results / f"{experiment}.{stem}"
    if not folder.exists():
        asked = [str(HERE / experiment / question)] if question else []
        line = [sys.executable, "-m", "supernode_opt", verb, *asked]
        print(f"asking {experiment} {stem}", flush=True)
        subprocess.run([*line, "--out", str(folder)], check=True, capture_output=True)
    return folder


def draw(
    target: Path,
    results: Path,
    only: list[str],
    suffixes: tuple[str, ...] = ("png",),
    width: float = 7.2,
) -> list[Path]:
    """Draw the pictures of all experiments, or of some, and return their files.

    Args:
      target: folder of the pictures, one folder an experiment within.
      results: folder of the answers.
      only: experiments to draw, all if empty.
      suffixes: formats, of "png", "pdf" and "svg".
      width: of the figures [in].
    """
    import matplotlib

    # Figures go to files; a window system may be missing.
    matplotlib.use("agg")
    from supernode_opt import plot
    from supernode_opt.results import kinds

    made = []
    for experiment, questions in QUESTIONS.items():
        if only and experiment not in only:
            continue
        for verb, question, pictures in questions:
            folder = answered(experiment, verb, question, results)
            kind, dataset = kinds.load(folder)
            known = plot.FIGURES_OF[kind]
            figures = {file: known[name] for name, file in pictures.items()}
            there = target / experiment
            made += plot.draw_figures(dataset, there, figures, suffixes, width)
        if experiment == STACKS[0]:
            made += _stacks(target, results, suffixes, width)
    return made


def _stacks(
    target: Path, results: Path, suffixes: tuple[str, ...], width: float
) -> list[Path]:
    """Draw step time and power of designs side by side."""
    import matplotlib.pyplot as plt

    from supernode_opt import plot
    from supernode_opt.results import kinds

    experiment, *questions = STACKS
    folders = [answered(experiment, "run", one, results) for one in questions]
    datasets = [kinds.load(folder)[1] for folder in folders]
    names = ["best design", "as built"]
    made = []
    for name, function in (
        ("step_stacks", plot.step_stacks),
        ("power_stacks", plot.power_stacks),
    ):
        with plot.page(width):
            ax = function(datasets, names)
        for suffix in suffixes:
            made.append(plot.save(ax, target / experiment / f"{name}.{suffix}"))
        plt.close("all")
    return made


def main(arguments: list[str] | None = None) -> None:
    """Draw what the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where the pictures go")
    parser.add_argument("experiments", nargs="*", help="some of them; all if none")
    parser.add_argument("--results", type=Path, default=Path("results/gallery"))
    parser.add_argument("--format", default="png", help="png, pdf or svg, by commas")
    parser.add_argument("--width", type=float, default=7.2, help="inches")
    asked = parser.parse_args(arguments)
    unknown = [name for name in asked.experiments if name not in QUESTIONS]
    if unknown:
        parser.error(f"{unknown[0]} is none of {', '.join(QUESTIONS)}")
    suffixes = tuple(asked.format.split(","))
    for path in draw(
        asked.folder, asked.results, asked.experiments, suffixes, asked.width
    ):
        print(path)


if __name__ == "__main__":
    main()
