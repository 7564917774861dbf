"""Running the command line: its errors in one line each, and its exit codes."""

import os
import shlex
import sys

import typer

from supernode_opt.cli import session
from supernode_opt.cli.app import app


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 bad input, 3 infeasible, 130 stopped."""
    from supernode_opt.config.node import StudyError

    words = sys.argv[1:] if arguments is None else arguments
    session.leave()
    try:
        code = app(words, prog_name="supernode-opt", standalone_mode=False)
    except StudyError as error:
        session.say(str(error))
        code = session.BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        code = session.INTERRUPTED
    except BrokenPipeError:
        # The reader of our output left; Python would complain once more at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = session.DONE
    except Exception as error:
        said = _complaint(error)
        if said is None:
            raise
        session.say(f"supernode-opt: {said}")
        code = session.BAD_INPUT
    # Some versions of typer turn the interruption into its exit code themselves.
    if code == session.INTERRUPTED:
        again = shlex.join(["supernode-opt", *words])
        session.say(f"interrupted, {session.left()}; run again with: {again}")
    sys.exit(code or session.DONE)


def _complaint(error: Exception) -> str | None:
    """Word an error that the input is to blame for; `None` if it is our own fault."""
    # What typer says of a wrong option has a method.
    if hasattr(error, "format_message"):
        return error.format_message()
    from supernode_opt.catalog.read import BadEntry

    # An entry of the user's own catalog.
    return str(error) if isinstance(error, BadEntry) else None
