"""What was measured so far, a line a run: a benchmark goes on where it was stopped."""

import json
from pathlib import Path
from typing import Any

Record = dict[str, Any]


class Journal:
    """Records of runs in one file, found by their key."""

    def __init__(self, file: Path) -> None:
        """Read what is there; a line that a stopped run left half is dropped."""
        self._file = file
        self.records: dict[str, Record] = {}
        file.parent.mkdir(parents=True, exist_ok=True)
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        if text and not text.endswith("\n"):
            file.write_text(f"{text}\n", encoding="utf-8")
        for line in text.splitlines():
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                continue
            self.records[record["key"]] = record

    def __contains__(self, key: str) -> bool:
        """Tell whether a run was recorded."""
        return key in self.records

    def add(self, key: str, record: Record) -> None:
        """Write one run down at once."""
        self.records[key] = {"key": key, **record}
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.records[key]) + "\n")
