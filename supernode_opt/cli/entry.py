"""Running the command line: its errors in one line each, and its exit codes."""

import errno
import os
import signal
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from supernode_opt.cli import session, stop
from supernode_opt.cli.app import app

# What the system calls by these is a wrong name, not a refusal.
_WRONG_NAMES = {
    *(errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOENT),
    *(errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL),
}

_QUIET = ("--quiet", "-q")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    0 done, 2 bad input, 3 infeasible, 4 refused by the machine, 5 derivatives that
    disagree, 130 interrupted, 143 terminated, 129 hung up.
    """
    # Closed by whoever started us.
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
    alone = arguments is None
    session.alone = alone
    try:
        code, said = _run(sys.argv[1:] if alone else list(arguments))
    finally:
        if alone:
            stop.settle()
    if said is not None:
        session.say(said)
    if alone:
        stop.end(code)
    sys.exit(code)


def _run(words: list[str]) -> tuple[int, str | None]:
    """Run a command; return its exit code and what is left to say."""
    stop.keep()
    said = None
    try:
        with _doubts_told():
            code = app(
                _hushed_first(words), prog_name="supernode-opt", standalone_mode=False
            )
            sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        code = session.INTERRUPTED
    except BrokenPipeError:
        _forget_output()
        code = session.DONE
    except Exception as error:
        said, code = _complaint(error)
        if said is None:
            raise
        if isinstance(error, OSError) and error.filename is None:
            _forget_output()
    # Some versions of typer turn the interruption into its exit code themselves.
    if code == session.INTERRUPTED:
        said = stop.words(signal.SIGINT, words)
    return code or session.DONE, said


def _hushed_first(words: list[str]) -> list[str]:
    """Put `--quiet`, which goes anywhere, where the options of all commands go."""
    if "--" in words or not words or words[0].startswith("-"):
        return words
    hushed = [word for word in words if word in _QUIET]
    return hushed + [word for word in words if word not in _QUIET]


@contextmanager
def _doubts_told() -> Iterator[None]:
    """Say what was questioned, once and after the answer; not beside an error."""
    from supernode_opt.reading.node import Doubt

    doubts: list[str] = []

    def keep(message: Warning | str, category: type[Warning], *place: Any) -> None:
        if issubclass(category, Doubt):
            doubts.append(str(message))
        else:
            show(message, category, *place)

    with warnings.catch_warnings():
        show = warnings.showwarning
        warnings.simplefilter("always", Doubt)
        warnings.showwarning = keep  # pyrefly: ignore[bad-assignment]
        yield
    for doubt in dict.fromkeys(doubts):
        session.say(f"warning: {doubt}")


def _forget_output() -> None:
    """Send the rest of the output nowhere; Python would complain of it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complaint(error: Exception) -> tuple[str | None, int]:
    """Word an error that is no fault of ours, `None` if it is; return its exit code."""
    from supernode_opt.reading.node import InputError

    # What typer says of a wrong option has a method.
    if hasattr(error, "format_message"):
        return f"supernode-opt: {error.format_message()}", session.BAD_INPUT
    if isinstance(error, InputError):
        return str(error), session.BAD_INPUT
    if isinstance(error, OSError) and error.errno is not None:
        where = "standard output" if error.filename is None else error.filename
        wrong = error.errno in _WRONG_NAMES
        said = f"{where}: {error.strerror}"
        return said, session.BAD_INPUT if wrong else session.REFUSED
    if isinstance(error, MemoryError):
        return "not enough memory", session.REFUSED
    return None, session.BAD_INPUT
