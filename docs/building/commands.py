"""The commands, as `--help` prints them."""

from pathlib import Path

import click
import typer

from supernode_opt.cli.app import app


def pages(root: Path) -> dict[str, str]:
    """Return the page of all commands."""
    whole = typer.main.get_command(app)
    text = ["# Commands\n", f"{app.info.help}\n", f"{app.info.epilog}\n"]
    text += _section(whole, "supernode-opt", None)
    return {"commands.md": "\n".join(text)}


def _section(command: click.Command, name: str, above: click.Context | None) -> list:
    context = click.Context(
        command, info_name=name, parent=above, max_content_width=80, terminal_width=80
    )
    below = getattr(command, "commands", None)
    if below is None:
        words = command.get_help(context)
        path = context.command_path
        return [f"## `{path}`\n", f"```text\n{words}\n```\n"]
    return [line for key in below for line in _section(below[key], key, context)]
