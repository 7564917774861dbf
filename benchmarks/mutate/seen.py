"""A pytest plugin that writes down which lines of functions a test file runs.

Lines of a module's or class's own body run whenever it is imported and say nothing;
only what functions run counts.  A formula that JAX compiles runs once, as it is traced.
"""

import json
import os
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path.cwd()
PACKAGE = str(ROOT / "supernode_opt") + os.sep
SEEN: dict[str, set[int]] = {}
_OWN: dict[str, set[int] | None] = {}


def _lines(path: str) -> set[int] | None:
    """Return where the lines of a file of the package are kept, `None` for others."""
    if path not in _OWN:
        mine = path.startswith(PACKAGE)
        name = str(Path(path).relative_to(ROOT)) if mine else ""
        _OWN[path] = SEEN.setdefault(name, set()) if mine else None
    return _OWN[path]


def _enter(frame: FrameType, event: str, argument: Any) -> Any:
    code = frame.f_code
    lines = _lines(code.co_filename)
    # Bodies of modules and classes have no fast locals.
    if lines is None or not code.co_flags & 0x2:
        return None

    def follow(frame: FrameType, event: str, argument: Any) -> Any:
        lines.add(frame.f_lineno)
        return follow

    lines.add(frame.f_lineno)
    return follow


def pytest_configure() -> None:
    """Begin to watch."""
    threading.settrace(_enter)
    sys.settrace(_enter)


def pytest_unconfigure() -> None:
    """Write down what was seen."""
    sys.settrace(None)
    seen = {path: sorted(lines) for path, lines in SEEN.items() if lines}
    Path(os.environ["SEEN"]).write_text(json.dumps(seen))
