"""A study in which nothing is free, and the command line as a function."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from supernode_opt.cli import main

STUDY = """\
question: What does the machine do?
system: cloudmatrix384
model: llama3_8b
training: {sequence_length: 4096, global_batch: 768}
design:
  chips: 384
  tensor_parallel: 8
  pipeline_parallel: 1
  context_parallel: 1
  expert_parallel: 1
  interleave: 1
  micro_batch: 2
  recompute: selective
  optimizer_sharding: zero1
  sequence_parallel: on
objective: {maximize: mfu}
constraints:
  power: {at_most: 590 kW}
"""


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path, monkeypatch) -> Path:
    """Return the current directory of the command, with one study in it."""
    (tmp_path / "study.yaml").write_text(STUDY)
    monkeypatch.chdir(tmp_path)
    # Tests must neither use nor fill the user's own cache.
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path.parent / "cache"))
    return tmp_path


@pytest.fixture
def shell(folder, capsys) -> Callable[..., Answer]:
    """Return a function that runs `supernode-opt` with words."""

    def run(*words: str) -> Answer:
        with pytest.raises(SystemExit) as caught:
            main([str(word) for word in words])
        printed = capsys.readouterr()
        return Answer(int(caught.value.code or 0), printed.out, printed.err)

    return run
