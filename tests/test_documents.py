"""Everything that is shown is executed: snippets, commands, examples and studies."""

import doctest
import importlib
import pkgutil
import re
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

import supernode_opt
from supernode_opt.cli import main

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([ROOT / "README.md", *ROOT.glob("experiments/*/README.md")])
STUDIES = sorted(ROOT.glob("experiments/*/question.yaml"))
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(supernode_opt.__path__, "supernode_opt.")
)
# Verbs that search; their commands are checked without searching.
SLOW = {"run", "sweep", "pareto", "calibrate"}
# Verbs whose studies are checked as they are shown.
CHECKED = {*SLOW, "check"}
# Verbs that read what an earlier command wrote.
AFTERWARDS = {"plot", "explain", "compare"}
# Commands whose answers tests/experiments and tests/calibration check.
ANSWERED = ("compare", "crossover", "invert", "validate")


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


@pytest.fixture
def shell(desk, monkeypatch, capsys) -> Callable[..., str]:
    """Return a function that runs the command at the desk and what it printed."""
    monkeypatch.chdir(desk)
    monkeypatch.setenv("COLUMNS", "200")
    # Tests must neither use nor fill the user's own cache.
    monkeypatch.setenv("XDG_CACHE_HOME", str(desk.parent / "cache"))

    def run(*arguments: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            main(list(arguments))
        printed = capsys.readouterr()
        assert not stopped.value.code, f"{arguments}: {printed.err[-2000:]}"
        return printed.out + printed.err

    return run


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
def test_commands_are_accepted(arguments, shell):
    verb, *rest = arguments
    shown = shell(verb, "--help")
    for option in (word for word in rest if word.startswith("--")):
        assert option.partition("=")[0] in shown
    if verb in SLOW:
        checked = [word for word in rest if word.endswith(".yaml")]
        for index, word in enumerate(rest[:-1]):
            checked += ["--set", rest[index + 1]] if word == "--set" else []
        shell("check", *checked)
    elif verb not in (*AFTERWARDS, *ANSWERED):
        shell(*arguments)


def test_every_study_is_shown_and_so_checked():
    shown = {word for verb, *rest in commands() if verb in CHECKED for word in rest}
    assert {str(study.relative_to(ROOT)) for study in STUDIES} <= shown


@pytest.mark.parametrize("name", MODULES)
def test_docstring_examples(name):
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.failed == 0
