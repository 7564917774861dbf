import itertools
import re
from pathlib import Path

import numpy as np
import pytest

from supernode_opt.calibration.data.runs import shipped as shipped_runs
from supernode_opt.calibration.step_time import shipped, validation
from supernode_opt.cli import main
from supernode_opt.uncertainty import draws

README = Path(__file__).resolve().parents[3] / "README.md"


def numbers(text):
    """Split a table into words and numbers."""
    words = re.sub(r"[|*]", " ", text).split()
    return [float(w) if re.fullmatch(r"-?[\d.]+", w) else w for w in words]


@pytest.fixture(scope="module")
def seen():
    return validation.validate(shipped_runs(), shipped.judged())


def test_what_two_splits_of_one_job_do_not_share(seen):
    """Pairs of runs that differ in their split alone, and how their errors differ."""
    errors = np.log(seen.measured / seen.predicted)
    alike = {}
    for job, error in zip(seen.jobs, errors, strict=True):
        training = job.training
        key = (job.stack.name, job.run.group, job.chip, repr(job.model))
        key += (job.run.size("n_accel"), training.sequence_length)
        key += (training.precision, training.lora_rank)
        alike.setdefault(key, []).append(error)
    found = [
        abs(one - other)
        for group in alike.values()
        for one, other in itertools.combinations(group, 2)
    ]
    assert len(found) == 621
    spread = 1.4826 * float(np.median(found))
    assert spread == pytest.approx(0.047, abs=5e-4)
    assert spread / np.sqrt(2.0) == pytest.approx(draws.OWN, abs=5e-4)


def test_the_table_of_the_readme_is_what_the_command_prints(
    tmp_path, monkeypatch, capsys, seen
):
    monkeypatch.chdir(tmp_path)
    # Tests must neither use nor fill the user's own cache.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent / "cache"))
    for words in (["validate"], ["validate", "--markdown"]):
        with pytest.raises(SystemExit) as stopped:
            main(words)
        assert not stopped.value.code
        out = capsys.readouterr().out
    printed = numbers(out)
    text = README.read_text(encoding="utf-8")
    (shown,) = re.findall(
        r"validate --markdown -->\n(.*?)\n<!-- end of validation", text, re.S
    )
    for one, other in zip(numbers(shown), printed, strict=True):
        if isinstance(one, float):
            # The last digit may differ between machines.
            assert abs(one - other) < 0.11, (one, other)
        else:
            assert one == other
    unseen = validation.report(seen)["groups"]["validation"]["overall"]
    assert unseen["mape"] < 0.6 * unseen["baseline_mape"]
    assert 0.80 < unseen["coverage"] < 0.97
