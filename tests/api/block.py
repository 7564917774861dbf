"""Every promise of the Python API, as a kernel runs it; `seen` is told of each answer.

The study is small and its search short; what is called, and how, is as documented.
"""

import supernode_opt as so


def run(seen, kernel_rows):
    """Ask everything in the folder of `question.yaml`."""
    study = so.load("question.yaml")
    report = study.set(tensor_parallel=8, scale_up_bandwidth="400 GB/s").evaluate()
    seen(report)
    report.plot.step_time()
    report.to_pandas()
    report.to_xarray()
    seen(study.gradient("tokens_per_s"))
    solution = study.optimize()
    seen(solution)
    seen(solution.certificate)
    seen(solution.prices)
    seen(solution.alternatives)
    seen(solution.sensitivity)
    solution.plot.convergence()
    grid = study.sweep(
        scale_up_domain=[8, 16],
        scale_up_bandwidth=so.linspace("50 GB/s", "400 GB/s", 5),
    )
    seen(grid)
    grid.so.contour("mfu")
    grid.so.feasible()
    grid.so.parallel_coordinates()
    study.explore()
    seen(so.compare([study, study.set(tensor_parallel=4)]))
    seen(so.invert(
        systems=["dgx_h100"],
        model="llama3_8b",
        training={"sequence_length": 4096, "global_batch": 64},
        plan={"context_parallel": 1, "micro_batch": 1, "interleave": 1},
        constant="chip.hbm_bandwidth",
        condition={"quantity": "mfu", "of": "dgx_h100", "equals": "30 %"},
    ))
    seen(so.validate(kernel_rows))
    seen(so.catalog.chips())
    return study, report, solution, grid
