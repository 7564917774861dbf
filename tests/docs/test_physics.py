"""The pages on the physics name every function of it, and nothing that is not there."""

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PHYSICS = ROOT / "docs" / "physics"
PAGES = sorted(ROOT.glob("docs/**/*.md"))
PAGES = [page for page in PAGES if "generated" not in page.parts]
ROOMS = ("hardware", "workload", "system")
_NAMED = re.compile(rf"`((?:{'|'.join((*ROOMS, 'smooth', 'batch'))})(?:\.\w+)+)`")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def text() -> str:
    return "\n".join(page.read_text("utf-8") for page in sorted(PHYSICS.glob("*.md")))


def test_every_function_of_the_physics_stands_on_a_page():
    named = set(_NAMED.findall(text()))
    missing = []
    modules = [
        path for room in ROOMS for path in (ROOT / f"supernode_opt/{room}").glob("*.py")
    ]
    for path in [ROOT / "supernode_opt/smooth.py", *modules]:
        module = ".".join(
            path.relative_to(ROOT / "supernode_opt").with_suffix("").parts
        )
        tree = ast.parse(path.read_text("utf-8"))
        functions = [
            part.name for part in tree.body if isinstance(part, ast.FunctionDef)
        ]
        wanted = [f"{module}.{name}" for name in functions if name[0] != "_"]
        missing += [name for name in wanted if name not in named]
        seen = any(name == module or name.startswith(f"{module}.") for name in named)
        if not seen and path.name != "__init__.py":
            missing.append(module)
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_exists(page):
    said = page.read_text("utf-8")
    for name in set(_NAMED.findall(said)):
        module, found = f"supernode_opt.{name}", []
        while True:
            try:
                value = importlib.import_module(module)
                break
            except ModuleNotFoundError:
                module, _, last = module.rpartition(".")
                found.insert(0, last)
        for attribute in found:
            fields = getattr(value, "__dataclass_fields__", {})
            assert hasattr(value, attribute) or attribute in fields, name
            value = getattr(value, attribute, None)
    for path, test in set(_TEST.findall(said)):
        assert f"def {test}(" in (ROOT / path).read_text("utf-8"), f"{path}::{test}"
