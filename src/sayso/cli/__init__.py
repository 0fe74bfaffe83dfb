"""The command line. `main` is what `sayso` runs; `app.py` lists the commands, the other files carry them out.

Rules of the room: data on standard output, messages on standard error; nothing heavy is imported before a command
needs it, so that `sayso --help` is quick; an error of ours is one line, `code: detail`, and an exit code.
"""

from __future__ import annotations


def main() -> None:
    """Run the command that the arguments name."""
    from sayso.cli.app import app

    app()
