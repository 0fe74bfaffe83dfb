"""Arguments and options that several commands share, in one wording."""

from __future__ import annotations

from typing import Annotated

import typer

Address = Annotated[str, typer.Argument(
    metavar="ADDRESS", help="A phone number with its country code, or a WhatsApp user id. What you type here stays in "
                            "your shell's history: write - to read it from standard input instead.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Database = Annotated[str, typer.Option("--database", "-d", metavar="PATH|URL",
                                       help="Instead of SAYSO_DATABASE: a SQLite file or a postgresql:// URL.")]
Workspace = Annotated[str, typer.Option("--workspace", "-w", metavar="SLUG",
                                        help="Instead of SAYSO_WORKSPACE, where there are several.")]
Purpose = Annotated[str, typer.Argument(help="A purpose declared in sayso.toml.")]
Sender = Annotated[str, typer.Option("--sender", help="Which of your numbers, where there are several.")]
Host = Annotated[str, typer.Option("--host", help="Address to listen on.")]
Port = Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port to listen on; 0 takes a free one.")]
