"""Damaged inputs through the command line, in this process; what may not happen."""

import contextlib
import importlib
import io
import os
import random
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

from supernode_opt import catalog
from supernode_opt.catalog.own import OWN_CATALOG
from supernode_opt.cli import main
from supernode_opt.config import resolve
from supernode_opt.config.study import load
from supernode_opt.results import store
from supernode_opt.system.report import Report
from tests.damage.cases import KINDS, STUDY, WEIGHTS, Case, Valid
from tests.results import test_store

# Exit codes: done, bad input, infeasible, refused by the machine.
ALLOWED = (0, 2, 3, 4)
# Seconds of this process's own work, for another's must not fail a test: to refuse,
# and to answer, which compiles.
LONGEST = {2: 10.0, 0: 60.0, 3: 60.0, 4: 10.0}
# Searches and fits that a damaged input got past its reader for.
_LONG = (
    ("answer.run", "optimize"),
    ("joint.answer", "run"),
    ("compare.comparison.solve", "compare"),
    ("compare.inversion.solve", "solve"),
    ("compare.crossover.solve", "solve"),
    ("calibration.step_time.user", "calibrate"),
    ("calibration.gemm.user", "calibrate"),
    ("calibration.collectives.user", "calibrate"),
)
# What is said on the way, before a table is refused.
_PROGRESS = ("predicting", "taken as measured", "; its source names", "warning:")

# Besides these, what compiles for a valid input.
_COMPILED = (
    ("answer.evaluation", "evaluate_study"),
    ("calibration.step_time.validation", "validate"),
    ("calibration.gemm.score", "score"),
    ("calibration.collectives.judge", "judge"),
)


class Enough(Exception):
    """The input was read; the rest is not what is tested."""


@contextlib.contextmanager
def short(*, compiled: bool = True) -> Iterator[None]:
    """Leave out what takes minutes and, unless `compiled`, what takes seconds."""
    with contextlib.ExitStack() as stack:
        for module, name in _LONG if compiled else (*_LONG, *_COMPILED):
            found = importlib.import_module(f"supernode_opt.{module}")
            stack.enter_context(mock.patch.object(found, name, side_effect=Enough))
        yield


def valid(folder: Path) -> Valid:
    """Write a result to damage, of made-up numbers."""
    (folder / "study.yaml").write_text(STUDY)
    study = load(folder / "study.yaml")
    notes = dict.fromkeys(("evaluations", "wall_s"), 1.0)
    notes |= {"status": "optimal", "message": "Found.", "certificate": {"gap": 0.1}}
    other = {"objective": 0.3, "design": {"chips": 256.0, "recompute": "full"}}
    dataset = store.to_dataset(
        resolve.text(study),
        study.problem.fixed,
        study.problem.scenario,
        test_store.filled(Report),
        constraints=test_store.CONSTRAINTS,
        history=test_store.HISTORY,
        operators=test_store.OPERATORS,
        notes={
            **notes,
            "alternatives": [other],
            "prices": ["one more kW: 1e-4 of MFU"],
            "relaxation": [["power", 3.0]],
        },
    )
    return Valid(folder, store.save(dataset, folder / "valid.nc"))


def run(case: Case) -> tuple[int, str, str]:
    """Return exit code, output and errors of a command, a traceback among them."""
    out, err = io.StringIO(), io.StringIO()
    code = 0
    catalog.forget()
    with (
        mock.patch.dict(os.environ, {OWN_CATALOG: case.own}),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            main(list(case.words))
        except SystemExit as left:
            code = int(left.code or 0)
        except Enough:
            pass
        except BaseException:
            code = 1
            traceback.print_exc(file=err)
    catalog.forget()
    return code, out.getvalue(), err.getvalue()


def damage(seed: int, valid: Valid) -> tuple[str, Case, str]:
    """Damage one input; return its kind, the command and what went wrong, if so."""
    drawn = random.Random(seed)
    (kind,) = drawn.choices(list(KINDS), WEIGHTS)
    case = KINDS[kind](drawn, valid)
    began = time.process_time()
    code, _, said = run(case)
    spent = time.process_time() - began
    lines = [s for s in said.splitlines() if not any(p in s for p in _PROGRESS)]
    if code not in ALLOWED or "Traceback" in said:
        return kind, case, f"exit code {code}: {said[-3000:]}"
    if code == 2 and len(lines) != 1:
        return kind, case, f"{len(lines)} lines: {said[:2000]}"
    if spent > LONGEST[code]:
        return kind, case, f"took {spent:.1f} s"
    return kind, case, ""
