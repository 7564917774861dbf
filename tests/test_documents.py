"""Everything that is shown is executed: snippets, commands, examples and studies."""

import doctest
import importlib
import os
import pkgutil
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import supernode_opt

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([ROOT / "README.md", *ROOT.glob("experiments/*/README.md")])
STUDIES = sorted(ROOT.glob("experiments/*/question.yaml"))
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(supernode_opt.__path__, "supernode_opt.")
)
# Verbs that search; their commands are checked without searching.
SLOW = {"run", "sweep", "pareto", "calibrate"}
# Verbs that read what an earlier command wrote.
AFTERWARDS = {"plot", "explain", "compare"}
# Commands whose files tests/experiments answers through the same functions.
ANSWERED = ("compare", "crossover", "invert")


def blocks(document: Path, *languages: str) -> list[str]:
    """Return the fenced blocks of `document` in one of `languages`."""
    found = re.findall(r"^```(\w+)\n(.*?)^```", document.read_text(), re.M | re.S)
    return [text for language, text in found if language in languages]


def commands() -> list[tuple[str, ...]]:
    """Return the arguments of every `supernode-opt` command shown, once each."""
    found = {}
    for document in filter(Path.exists, DOCUMENTS):
        for block in blocks(document, "bash", "sh", "console"):
            for line in block.replace("\\\n", " ").splitlines():
                words = shlex.split(line.removeprefix("$ "), comments=True)
                if words and words[0] == "supernode-opt":
                    cut = next((i for i, w in enumerate(words) if w in "|>"), None)
                    found[tuple(words[1:cut])] = None
    return list(found)


def supernode_opt_at_shell(folder: Path, *arguments: str) -> str:
    """Run the command in `folder`; return what it printed."""
    code = "import sys; from supernode_opt.cli import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"{arguments}: {done.stderr[-2000:]}"
    return done.stdout + done.stderr


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """Return a folder that looks like the checkout and takes what is written."""
    for name in ("experiments", "notebooks", "benchmarks"):
        (tmp_path / name).symlink_to(ROOT / name)
    return tmp_path


@pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)
def test_python_snippets_run(document, desk, monkeypatch):
    monkeypatch.chdir(desk)
    names: dict[str, object] = {}
    for number, text in enumerate(blocks(document, "python")):
        exec(compile(text, f"{document.name} block {number}", "exec"), names)


@pytest.mark.parametrize("arguments", commands(), ids=" ".join)
def test_commands_are_accepted(arguments, desk):
    verb, *rest = arguments
    shown = supernode_opt_at_shell(desk, verb, "--help")
    for option in (word for word in rest if word.startswith("--")):
        assert option.partition("=")[0] in shown
    if verb in SLOW:
        checked = [word for word in rest if word.endswith(".yaml")]
        for index, word in enumerate(rest[:-1]):
            checked += ["--set", rest[index + 1]] if word == "--set" else []
        supernode_opt_at_shell(desk, "check", *checked)
    elif verb not in (*AFTERWARDS, *ANSWERED):
        supernode_opt_at_shell(desk, *arguments)


@pytest.mark.parametrize("study", STUDIES, ids=lambda path: path.parent.name)
def test_studies_load(study, desk):
    supernode_opt_at_shell(desk, "check", str(study))


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.failed == 0
