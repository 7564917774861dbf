"""Pages that every build writes from the program, in `docs/generated`."""

from pathlib import Path
from typing import Any

from building import accuracy, catalog, commands, gallery, interface, quantities, study

DOCS = Path(__file__).resolve().parents[1]
ROOT = DOCS.parent
GENERATED = DOCS / "generated"

WRITERS = (accuracy, catalog, commands, gallery, interface, quantities, study)


def write(app: Any = None) -> None:
    """Write all of them; those that are as they were keep their dates."""
    pages: dict[str, str | bytes] = {}
    for writer in WRITERS:
        pages |= writer.pages(ROOT)
    stale = {path for path in GENERATED.rglob("*") if path.is_file()}
    for name, text in pages.items():
        path = GENERATED / name
        stale.discard(path)
        wanted = text if isinstance(text, bytes) else text.encode()
        if not path.is_file() or path.read_bytes() != wanted:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(wanted)
    for path in stale:
        path.unlink()
