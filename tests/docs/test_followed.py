"""The pages of the site are followed as a reader does, from the top to the bottom.

Files that a page shows (a block that begins with `# file: name`) are written, commands
in `bash` blocks are run, and Python is executed, in a folder like a checkout.
Commands that take long stand in `text` blocks, and only their options are checked.
`make docs` follows them all; `make test` runs the rest of this folder.
"""

import re
import shlex
from pathlib import Path

import pytest

from supernode_opt import catalog
from supernode_opt.cli import main

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page for page in ROOT.glob("docs/**/*.md") if "generated" not in page.parts
)
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.M | re.S)


def blocks(page: Path) -> list[tuple[str, str]]:
    """Return language and text of every fenced block of `page`."""
    return _BLOCK.findall(page.read_text("utf-8"))


def commands(text: str) -> list[list[str]]:
    """Return the arguments of every command of the program in a block."""
    found = []
    for line in text.replace("\\\n", " ").splitlines():
        words = shlex.split(line.removeprefix("$ "), comments=True)
        if words and words[0] == "supernode-opt":
            cut = next((i for i, word in enumerate(words) if word in "|>"), None)
            found.append(words[1:cut])
    return found


# `make docs` follows them; `make test` asks much the same of the program by the README.
FOLLOWED = [
    pytest.param(page, marks=pytest.mark.long, id=page.stem)
    for page in PAGES
    if any(
        kind == "python" or (kind == "bash" and commands(text))
        for kind, text in blocks(page)
    )
]


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """Return a folder that looks like the checkout and takes what is written."""
    for name in ("experiments", "notebooks"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    # Tests must neither use nor fill the user's own cache.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent / "cache"))
    yield tmp_path
    monkeypatch.undo()
    catalog.forget()


def exported(text, monkeypatch):
    """Set what the lines of a block export."""
    for name, value in re.findall(r"^export (\w+)=(\S+)$", text, re.M):
        monkeypatch.setenv(name, value)
        catalog.forget()


def run(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    printed = capsys.readouterr()
    assert not stopped.value.code, f"{arguments}: {printed.err[-2000:]}"
    return printed.out + printed.err


def written(desk, text):
    named = re.match(r"# file: (\S+)\n", text)
    if named:
        path = desk / named.group(1)
        path.parent.mkdir(parents=True, exist_ok=True)
        # In a table or in JSON that line would not be a comment.
        inside = path.suffix in (".csv", ".json")
        path.write_text(text[named.end() :] if inside else text, encoding="utf-8")


@pytest.mark.parametrize("page", FOLLOWED)
def test_a_page_can_be_followed(page, desk, capsys, monkeypatch):
    names: dict[str, object] = {}
    for number, (kind, text) in enumerate(blocks(page)):
        written(desk, text)
        if kind == "python":
            exec(compile(text, f"{page.name} block {number}", "exec"), names)
        elif kind == "bash":
            exported(text, monkeypatch)
            for arguments in commands(text):
                run(arguments, capsys)


def test_commands_that_take_long_have_these_options(capsys):
    shown: dict[str, str] = {}
    for page in PAGES:
        for kind, text in blocks(page):
            if kind != "text" or "supernode-opt" not in text:
                continue
            for verb, *rest in commands(text):
                if verb not in shown:
                    shown[verb] = run([verb, "--help"], capsys)
                for word in rest:
                    if word.startswith("--"):
                        option = word.partition("=")[0]
                        assert option in shown[verb], f"{page.name}: {verb} {option}"
