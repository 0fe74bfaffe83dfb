"""How commands speak: data to standard output, as a text or as JSON; messages to standard error; exit codes.

A phone number is shown masked: terminals are shared, scrolled back and recorded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn

import typer
from typer.core import TyperGroup

from sayso.errors import (
    ConfigError,
    IntegrityError,
    KeyProblem,
    NotConfigured,
    SaysoError,
    SchemaTooNew,
    Unavailable,
)

if TYPE_CHECKING:
    from rich.console import Console

    from sayso.core.identity import Address

#: Exit codes; `sayso --help` lists them.
GOOD: Final = 0
FAILED: Final = 1
USAGE: Final = 2
SETUP: Final = 3
UNAVAILABLE: Final = 4
DENIED: Final = 10
WAIT: Final = 11
PROBLEM: Final = 20
INTERRUPTED: Final = 130

EXIT_CODES: Final = (
    "Exit codes: 0 good; 1 something did not hold or failed; 2 wrong usage or an invalid value; 3 configuration or "
    "keys; 4 the database (or a port) is unavailable, try again; 10 check says deny; 11 check says wait; 20 verify "
    "found a problem."
)


class Commands(TyperGroup):
    """The commands, with our own errors told in one line."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a SaysoError becomes its line and its exit code."""
        try:
            return super().invoke(ctx)
        except SaysoError as error:
            fail(error)
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None


def fail(error: SaysoError) -> NoReturn:
    """Tell an error of ours and leave with its exit code."""
    where = f" ({error.param})" if error.param and error.param not in error.detail else ""
    note(f"{error.code}: {error.detail}{where}")
    raise typer.Exit(exit_code(error)) from None


def exit_code(error: SaysoError) -> int:
    """Which exit code an error is."""
    if error.code == "not_yet_in_ledger" or isinstance(error, Unavailable):
        return UNAVAILABLE
    if isinstance(error, ConfigError | KeyProblem | SchemaTooNew | NotConfigured):
        return SETUP
    if isinstance(error, IntegrityError):
        return PROBLEM
    return USAGE if error.status < 500 else FAILED


def note(text: str) -> None:
    """A message for whoever sits at the terminal."""
    print(text, file=sys.stderr, flush=True)


def tell(value: Any, text: str, *, as_json: bool) -> None:
    """The result: `value` as JSON, or the text."""
    if as_json:
        import msgspec

        text = msgspec.json.format(msgspec.json.encode(value)).decode()
    print(text, flush=True)


def console() -> Console:
    """Standard output for tables and colours; plain where it is no terminal or NO_COLOR is set."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, empty: str) -> None:
    """A table on a terminal, lines with tabs elsewhere."""
    lines = [tuple(row) for row in rows]
    if not lines:
        note(empty)
    elif not sys.stdout.isatty():
        print("\t".join(columns))
        for line in lines:
            print("\t".join(line))
    else:
        _draw(columns, lines)


def _draw(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        drawn.add_column(column, overflow="fold")
    for line in lines:
        drawn.add_row(*(Text(cell) for cell in line))  # Text: a bracket in a value is no markup
    console().print(drawn)


def version() -> str:
    """The version that is installed."""
    from importlib import metadata

    try:
        return metadata.version("sayso")
    except metadata.PackageNotFoundError:  # run from a checkout that is not installed
        return "0+unknown"


def counted(number: int, one: str, more: str = "") -> str:
    """A number with its noun: 1 fact, 2 facts; `more` where an s is not enough."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def mask(address: Address) -> str:
    """Enough of an address to recognise it by, too little to use."""
    from sayso.core import identity

    return identity.mask(address)


def when(us: int) -> str:
    """A time for people, UTC; a dash for none."""
    if not us:
        return "-"
    return datetime.fromtimestamp(us / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S")
