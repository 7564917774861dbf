"""Every promise of the Python API, as a kernel runs it."""

import supernode_opt as so


def run():
    """Ask in the folder of `question.yaml`; return every answer by name."""
    study = so.load("question.yaml")
    report = study.set(tensor_parallel=8, scale_up_bandwidth="400 GB/s").evaluate()
    report.plot.step_time()
    report.to_pandas()
    report.to_xarray()
    gradient = study.gradient("tokens_per_s")
    solution = study.optimize()
    for answer in (
        solution.certificate,
        solution.prices,
        solution.alternatives,
        solution.sensitivity,
    ):
        assert repr(answer)
    grid = study.sweep(
        scale_up_domain=[8, 16],
        scale_up_bandwidth=so.linspace("50 GB/s", "400 GB/s", 5),
    )
    grid.so.contour("mfu")
    grid.so.feasible()
    grid.so.parallel_coordinates()
    study.explore()
    so.catalog.chips()
    return {
        "study": study,
        "report": report,
        "gradient": gradient,
        "solution": solution,
        "grid": grid,
    }


def run_the_rest(study, solution):
    """Ask what takes programs of its own."""
    solution.plot.convergence()
    compared = so.compare([study, study.set(tensor_parallel=4)])
    inverted = so.invert(
        systems=["dgx_h100"],
        model="llama3_8b",
        training={"sequence_length": 4096, "global_batch": 64},
        plan={"context_parallel": 1, "micro_batch": 1, "interleave": 1},
        constant="chip.hbm_bandwidth",
        condition={"quantity": "mfu", "of": "dgx_h100", "equals": "30 %"},
    )
    validated = so.validate("mine.csv")
    fitted = so.calibrate("mine.csv")
    return compared, inverted, validated, fitted
