"""Do the lowest versions that `pyproject.toml` allows work, and the newest?

    python tests/dependencies/both_ends.py [lowest] [newest]

makes a throwaway environment for each end with the Python that runs it, installs what
the package needs and runs a smoke test there: reading, evaluating, solving, storing,
drawing, and one study through the command line.
"""

import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOOLS = ("pytest", "hypothesis", "jsonschema")
SMOKE = (
    "tests/batch",
    "tests/config",
    "tests/results",
    "tests/plot",
    "tests/search/test_lagrangian.py",
    "tests/calibration/step_time/test_score.py",
)
STUDY = "experiments/pangu_ultra/as_trained.yaml"
# Other people's packages may deprecate each other at the ends.
LENIENT = ("-q", "-o", "filterwarnings=default", "--disable-warnings")
_RANGE = re.compile(r"(?P<name>[\w-]+)>=(?P<low>[\w.]+),<[\w.]+")


def requirements(end: str) -> list[str]:
    """Return what to install for one end of the ranges.

    Raises:
      ValueError: a dependency has no range.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found = []
    for written in project["dependencies"]:
        match = _RANGE.fullmatch(written)
        if match is None:
            raise ValueError(f"{written}: must be NAME>=LOW,<HIGH")
        lowest = f"{match['name']}=={match['low']}"
        found.append(lowest if end == "lowest" else written)
    return found


def check(end: str, folder: Path) -> None:
    """Install one end into a new environment below `folder` and try it.

    Raises:
      CalledProcessError: something cannot be installed or does not work.
    """
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    install = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    # A constraint of the machine would hide the newest.
    alone = {k: v for k, v in os.environ.items() if k != "PIP_CONSTRAINT"}
    alone |= {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(folder)}
    newer = ["--upgrade", "--upgrade-strategy", "eager"] if end == "newest" else []
    subprocess.run(
        [*install, *newer, *requirements(end), *TOOLS], env=alone, check=True
    )
    print(f"{end}:", " ".join(_installed(python)), flush=True)
    smoke = [python, "-m", "pytest", *LENIENT, *SMOKE]
    subprocess.run(smoke, cwd=ROOT, env=alone, check=True)
    shell = "import sys; from supernode_opt.cli import main; main(sys.argv[1:])"
    command = [python, "-c", shell, "evaluate", STUDY]
    subprocess.run(command, cwd=ROOT, env=alone, check=True, stdout=subprocess.DEVNULL)


def _installed(python: str) -> list[str]:
    names = [re.split("[>=]", one)[0] for one in requirements("newest")]
    asked = "import importlib.metadata as m, sys; print(sys.version.split()[0], *("
    asked += f"f'{{n}}={{m.version(n)}}' for n in {names!r}))"
    return subprocess.check_output([python, "-c", asked], text=True).split()


def main() -> None:
    """Check the ends that are named, or both."""
    for end in sys.argv[1:] or ("lowest", "newest"):
        with tempfile.TemporaryDirectory() as folder:
            check(end, Path(folder))


if __name__ == "__main__":
    main()
