"""Brings docs/ up to date with the code: redraws the marked blocks, and says which headings are missing.

A block stands between `<!-- made: name -->` and `<!-- end -->`; everything outside it was written by hand and is
never touched. A page that explains a list (events, reasons, errors, settings, commands, routes) must have a heading
for each of its items, with the item in backquotes, and none for anything else.

Usage: make_docs.py [--check]. With --check nothing is written; exit status 1 when a page is behind the code.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

from typer.core import TyperGroup
from typer.main import get_command

from sayso.cli.app import app
from sayso.core import events, gate, states
from sayso.errors import SaysoError
from sayso.settings import SETTINGS
from sayso.web.gateway_routes import GATEWAY
from sayso.web.routes import METRICS, PUBLIC, TABLE, Route

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
BLOCK = re.compile(r"(<!-- made: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
HEADING = re.compile(r"^#{2,4} `([^`]+)`", re.MULTILINE)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; a bar inside a cell is escaped."""
    names = list(head)
    lines = [names, ["---"] * len(names), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def linked(name: str) -> str:
    """A name as code, linked to its heading on the same page."""
    return f"[`{name}`](#{slug(name)})"


def slug(heading: str) -> str:
    """The anchor a heading gets on the usual code hosts: small letters, no punctuation, hyphens for spaces."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).strip().replace(" ", "-")


# -- what the code says ------------------------------------------------------------------------------------------


def moves() -> list[tuple[str, str, str]]:
    """(state, fact, state after it), in the order of the table in `core/states.py`."""
    return [(before, fact, after) for (before, fact), after in states.NEXT.items()]


def error_classes() -> dict[str, type[SaysoError]]:
    """Every error by its code, wherever it is declared."""
    for package in ("sayso.flows", "sayso.web", "sayso.channels"):
        for module in walk_packages(import_module(package).__path__, f"{package}."):
            import_module(module.name)
    found: dict[str, type[SaysoError]] = {}
    waiting = [SaysoError]
    while waiting:
        kind = waiting.pop()
        if not kind.__module__.startswith("sayso.phone"):
            found.setdefault(kind.code, kind)
        waiting += kind.__subclasses__()
    return dict(sorted(found.items()))


def routes() -> list[Route]:
    """Every row of the route table."""
    return [*TABLE, METRICS]


def commands() -> dict[str, str]:
    """Every command by its name, with the first sentence of its help."""
    root = get_command(app)
    found = root.commands if isinstance(root, TyperGroup) else {}
    return {name: (command.help or "").strip().partition("\n")[0] for name, command in found.items()}


# -- blocks ------------------------------------------------------------------------------------------------------


def states_diagram() -> str:
    """The life of one cell, drawn from the table. What changes nothing is left to the table below it."""
    arrows: dict[tuple[str, str], list[str]] = {}
    for before, fact, after in moves():
        if before != after:
            arrows.setdefault((before, after), []).append(fact)
    drawn = [f"    {before} --> {after}: {', '.join(facts)}" for (before, after), facts in arrows.items()]
    return "\n".join(["```mermaid", "stateDiagram-v2", "    [*] --> unknown", *drawn, "```"]) + "\n"


def states_table() -> str:
    """Rows are where a cell stands, columns what happens."""
    facts = list(dict.fromkeys(fact for _, fact, _ in moves()))
    rows = [[f"**{state}**", *(states.NEXT.get((state, fact), "") for fact in facts)] for state in states.STATES]
    return table(["", *(f"`{fact}`" for fact in facts)], rows)


def events_table() -> str:
    """Every type and its sentence."""
    return table(["type", "what it says"], ([linked(name), text] for name, text in events.TYPES.items()))


def reasons_table() -> str:
    """Every reason code and the sentence people read."""
    return table(["reason", "sentence"], ([linked(name), text] for name, text in gate.REASONS.items()))


def own_table() -> str:
    """Sayso's own messages and what each may answer."""
    return table(["message", "may answer"], (
        [f"`{kind}`", ", ".join(f"[`{fact}`](events.md#{slug(fact)})" for fact in sorted(facts))]
        for kind, facts in gate.OWN.items()
    ))


def gate_table() -> str:
    """The rows of the gate in their order, by the name of the function that speaks."""
    rows = ([str(place), f"`{row.__name__.strip('_')}`"] for place, row in enumerate(gate.TABLE, 1))
    return table(["", "row of `core/gate.py`"], rows)


def errors_table() -> str:
    """Every error: its code, its HTTP status, whether the same request may work later."""
    return table(["code", "status", "retry", "title"], (
        [linked(code), str(kind.status), "yes" if kind.retry else "no", kind.title]
        for code, kind in error_classes().items()
    ))


def settings_table() -> str:
    """Every setting with its default."""
    return table(["setting", "default", "what it is"], (
        [linked(setting.name), f"`{setting.default}`" if setting.default else "", setting.help]
        for setting in SETTINGS
    ))


def routes_table() -> str:
    """Every route, the scope its key needs, and what it does."""
    return table(["route", "scope", "what it does"], (
        [linked(route.name), "no key" if route.permission == PUBLIC else f"`{route.permission}`", route.summary]
        for route in routes()
    ))


def gateway_table() -> str:
    """Every route of the gateway, and what it does."""
    return table(["route", "speaks", "what it does"], (
        [linked(route.name), {"graph": "Graph API", "twilio": "Twilio"}[route.speaks], route.summary]
        for route in GATEWAY
    ))


def commands_table() -> str:
    """Every command and its first sentence."""
    return table(["command", "what it does"], (
        [linked(f"sayso {name}"), sentence] for name, sentence in commands().items()
    ))


BLOCKS: dict[str, Callable[[], str]] = {
    "states-diagram": states_diagram, "states-table": states_table, "events": events_table,
    "reasons": reasons_table, "own-messages": own_table, "gate": gate_table, "errors": errors_table,
    "settings": settings_table, "routes": routes_table, "gateway-routes": gateway_table, "commands": commands_table,
}  # fmt: skip

#: Page -> the items that need a heading there.
LISTS: dict[str, Callable[[], Iterable[str]]] = {
    "events.md": lambda: events.TYPES,
    "reasons.md": lambda: gate.REASONS,
    "errors.md": error_classes,
    "settings.md": lambda: [setting.name for setting in SETTINGS],
    "api.md": lambda: [route.name for route in routes()],
    "gateway.md": lambda: [route.name for route in GATEWAY],
    "commands.md": lambda: [f"sayso {name}" for name in commands()],
}


# -- comparing and writing ---------------------------------------------------------------------------------------


def redrawn(text: str) -> str:
    """The page with every block drawn anew. Raises KeyError for a block nobody draws."""
    return BLOCK.sub(lambda found: found[1] + "\n" + BLOCKS[found[2]]() + "\n" + found[3], text)


def headings(text: str) -> list[str]:
    """What stands in backquotes in the page's headings."""
    return HEADING.findall(text)


def heading_problems(page: str, text: str) -> list[str]:
    """Items without a heading, and headings without an item."""
    if page not in LISTS:
        return []
    wanted, found = list(LISTS[page]()), headings(text)
    missing = [f"docs/{page}: `{item}` has no heading" for item in wanted if item not in found]
    stray = [f"docs/{page}: there is no `{item}` (any more)" for item in found if item not in wanted]
    twice = [f"docs/{page}: `{item}` has two headings" for item in dict.fromkeys(found) if found.count(item) > 1]
    return missing + stray + twice


def main(arguments: list[str]) -> int:
    """Redraw or compare; returns the exit status."""
    only_check = arguments == ["--check"]
    if arguments and not only_check:
        print(__doc__)
        return 2
    problems: list[str] = []
    for path in sorted(DOCS.rglob("*.md")):
        page, text = path.relative_to(DOCS).as_posix(), path.read_text(encoding="utf-8")
        fresh = redrawn(text)
        problems += heading_problems(page, text)
        if fresh != text and only_check:
            problems.append(f"docs/{page} is behind the code: run `make docs`")
        elif fresh != text:
            path.write_text(fresh, encoding="utf-8")
            print(f"docs/{page} brought up to date")
    print("\n".join(problems) or "docs/ is up to date")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
