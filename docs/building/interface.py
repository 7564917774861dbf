"""The Python interface: the names of the package, and the modules of the model."""

import importlib
import inspect
import pkgutil
import types
from pathlib import Path

import supernode_opt

# Rooms whose functions are pure, with what is in them.
ROOMS = {
    "hardware": "Chips, links, switches, racks; the loop of clock, power and heat",
    "workload": "Shapes of models, operators, traffic, activations, legal splits",
    "system": "Where both meet: `evaluate(design, scenario)` and the `Report`",
}


def pages(root: Path) -> dict[str, str]:
    """Return the page of the package and one for each room of the model."""
    found = {"interface.md": _package()}
    for room, words in ROOMS.items():
        found[f"model/{room}.md"] = _room(room, words)
    found["model/smooth.md"] = _page("smooth", "Maxima with one sharpness", ["smooth"])
    return found


def _package() -> str:
    text = ["# Names of the package\n"]
    text.append(_directive("automodule", "supernode_opt", (":no-index:",)))
    for name in supernode_opt.__all__:
        value = getattr(supernode_opt, name)
        if isinstance(value, types.ModuleType):
            text.append(f"## `{name}`\n")
            text.append(_directive("automodule", value.__name__, (":members:",)))
            continue
        home = getattr(value, "__module__", "supernode_opt")
        modelled = home.split(".")[1:2] and home.split(".")[1] in (*ROOMS, "smooth")
        kind = "class" if inspect.isclass(value) else "function"
        if not callable(value):
            kind = "data"
        options = (":no-index:",) if modelled else ()
        if kind == "class":
            options += (":members:",)
        text.append(_directive(f"auto{kind}", f"supernode_opt.{name}", options))
    return "\n".join(text)


def _room(room: str, words: str) -> str:
    package = importlib.import_module(f"supernode_opt.{room}")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return _page(room, words, [f"{room}.{name}" for name in names])


def _page(title: str, words: str, modules: list[str]) -> str:
    text = [f"# `{title}`\n", f"{words}.\n"]
    for module in modules:
        text.append(f"## `{module}`\n")
        options = (":members:", ":ignore-module-all:")
        text.append(_directive("automodule", f"supernode_opt.{module}", options))
    return "\n".join(text)


def _directive(kind: str, name: str, options: tuple[str, ...]) -> str:
    lines = "\n".join(f"   {option}" for option in options)
    return f"```{{eval-rst}}\n.. {kind}:: {name}\n{lines}\n```\n"
