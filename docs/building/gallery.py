"""The gallery: experiments with their figures, notebooks, and a page of pictures."""

import re
from pathlib import Path

_PICTURES = {".png", ".svg"}


def pages(root: Path) -> dict[str, str | bytes]:
    """Return a page for every experiment and notebook, their files, and the gallery."""
    found: dict[str, str | bytes] = {}
    shown = []
    for page in sorted(root.glob("experiments/*/README.md")):
        folder = page.parent
        for file in sorted(folder.iterdir()):
            if file.suffix in {*_PICTURES, ".yaml", ".csv"}:
                name = f"experiments/{folder.name}/{file.name}"
                found[name] = file.read_bytes()
        text = page.read_text(encoding="utf-8")
        found[f"experiments/{folder.name}/README.md"] = relinked(text, root)
        shown.append((folder.name, text, _pictures(folder, text)))
    books = sorted(root.glob("notebooks/*.ipynb"))
    for book in books:
        found[f"notebooks/{book.name}"] = book.read_bytes()
    found["gallery.md"] = _gallery(shown)
    found["notebooks.md"] = _notebooks([book.stem for book in books])
    return found


def _title(text: str) -> str:
    return text.partition("\n")[0].removeprefix("#").strip()


def _pictures(folder: Path, text: str) -> list[tuple[str, str]]:
    """Return every picture of an experiment with its words, those of its text first."""
    told = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text)
    named = {path: words for words, path in told}
    others = (p.name for p in sorted(folder.iterdir()) if p.suffix in _PICTURES)
    return [*((path, words) for path, words in named.items() if "/" not in path)] + [
        (name, name.rpartition(".")[0].replace("_", " "))
        for name in others
        if name not in named
    ]


def _gallery(shown: list[tuple[str, str, list[tuple[str, str]]]]) -> str:
    text = ["# Gallery\n"]
    text.append(
        "Figures that the program drew from saved answers of the experiments. Each"
        " links to its question, a study file, to the commands that answer it, and to"
        " the answer.\n"
    )
    for name, page, pictures in shown:
        text.append(f"## [{_title(page)}](experiments/{name}/README.md)\n")
        asked = re.search(r"\*\*Question\.\*\*\s*(.*?)\n\n", page, re.S)
        if asked:
            text.append(" ".join(asked.group(1).split()) + "\n")
        for path, words in pictures:
            text.append(f"![{words}](experiments/{name}/{path})\n\n*{words}*\n")
    tree = "\n".join(f"experiments/{name}/README" for name, _, _ in shown)
    text.append(f"```{{toctree}}\n:hidden:\n\n{tree}\n```\n")
    return "\n".join(text)


def _notebooks(names: list[str]) -> str:
    tree = "\n".join(f"notebooks/{name}" for name in names)
    return (
        "# Notebooks\n\nShort, one question and one figure each. They lie in"
        " `notebooks/` and are run, as they stand, by the tests and by this site's"
        f" build.\n\n```{{toctree}}\n\n{tree}\n```\n"
    )


def relinked(text: str, root: Path) -> str:
    """Return `text` with links to files that the site does not have as plain words."""

    def link(match: re.Match[str]) -> str:
        mark, words, target = match.groups()
        if target.startswith(("http", "#")):
            return match.group()
        below = re.sub(r"^(\.\./)+", "", target)
        if mark or (below.endswith("README.md") and "/" in below):
            return match.group()
        known = "/" not in target or below.startswith(("notebooks/", "experiments/"))
        return match.group() if known else words

    return re.sub(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", link, text)
