"""The door at the shell; heavy imports wait inside the commands."""

from supernode_opt.cli import stop

__all__ = ["main"]


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit; with `arguments`, without ending the process."""
    if arguments is None:
        stop.watch()
    from supernode_opt.cli import entry

    entry.main(arguments)
