"""The door at the shell; heavy imports wait inside the commands."""

from supernode_opt.cli.main import main

__all__ = ["main"]
