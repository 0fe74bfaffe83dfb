"""The ways in that the story shows: a QR code on the counter, the landing page, and an old list of 10,000.

Nothing is drawn beforehand: the code is the one that `sayso qr` prints, the page is read and sent as a browser without
JavaScript would, and the list goes through `sayso import` as it would on any day.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from sayso.cli.expecting import expect
from sayso.cli.stage import PAGE, Stage

#: Rows of the list, and how many of them are no good, say no, or lack the day of their yes.
ROWS: Final = 10_000
REFUSED, NOES, UNPROVEN = 40, 150, 310
#: Area codes of North America; in each, the numbers 555-0100 to 555-0199 are kept for stories.
AREAS: Final = (
    *range(201, 211), *range(212, 221), *range(223, 225), *range(301, 311), *range(312, 322), *range(401, 411),
    *range(412, 420), *range(501, 511), *range(512, 518), *range(601, 611), *range(612, 620), *range(701, 711),
)
WORDING: Final = "May Harbour Coffee send me offers on WhatsApp? It is free, and I can leave at any time."
#: How long the import may take before something is wrong, seconds.
IMPORT_S: Final = 120.0


# -- a QR code ---------------------------------------------------------------------------------------------------------


def poster_link(stage: Stage) -> str:
    """Where the code on the counter leads: the chat, with its phrase and code written already."""
    code = stage.get("/v1/entries/poster/qr?format=svg")
    expect(code.startswith(b"<svg"), "the service draws a QR code")
    (stage.folder / "counter.svg").write_bytes(code)
    entries: list[dict[str, Any]] = stage.call("GET", "/v1/entries")["data"]
    return str(next(entry["link"] for entry in entries if entry["name"] == "poster"))


def drawn(url: str) -> str:
    """The QR code of an address in half blocks, two rows of modules to a line. Light modules are drawn, for most
    terminals are dark; phones read the negative that a light one shows, too.
    """
    import segno

    rows = [list(row) for row in segno.make(url, error="l", micro=False).matrix_iter(border=2)]
    rows += [[0] * len(rows[0])] if len(rows) % 2 else []
    marks = {(0, 0): "█", (0, 1): "▀", (1, 0): "▄", (1, 1): " "}
    pairs = zip(rows[::2], rows[1::2], strict=True)
    lines = ["".join(marks[bool(upper), bool(lower)] for upper, lower in zip(*pair, strict=True)) for pair in pairs]
    return "\n".join(f"     {line}" for line in lines)


def phrase_of(link: str) -> str:
    """What a phone has written already when somebody opens this link into WhatsApp."""
    parts = urlsplit(link)
    expect(parts.netloc == "wa.me" and parts.path == "/447700900900", f"the link opens a chat with us, not {link}")
    return parse_qs(parts.query)["text"][0]


# -- the landing page --------------------------------------------------------------------------------------------------


class _Form(HTMLParser):
    """The fields of the page's form, and whether any box came ticked."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden: dict[str, str] = {}
        self.boxes: list[str] = []
        self.ticked = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "input" and given.get("type") == "hidden":
            self.hidden[str(given["name"])] = given.get("value") or ""
        if tag == "input" and given.get("type") == "checkbox":
            self.boxes.append(given.get("value") or "")
            self.ticked = self.ticked or "checked" in given


def through_the_page(stage: Stage, lang: str, purpose: str) -> str:
    """Read the page, tick one box, press *Continue in WhatsApp*; returns where that leads."""
    form = _Form()
    form.feed(stage.get(f"{PAGE}?lang={lang}", key=False).decode())
    expect(not form.ticked, "no box comes ticked")
    expect(purpose in form.boxes and len(form.boxes) > 1, "there is one box for each purpose")
    return stage.submit(PAGE, {**form.hidden, "purpose": purpose, "way": "chat"})


# -- an old list -------------------------------------------------------------------------------------------------------


def write_list(file: Path, stopped: str) -> None:
    """A list as shops have them. The number of somebody who said stop is in it, with a fresh yes."""
    with file.open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out)
        table.writerow(("Mobile", "Signed up", "Newsletter"))
        table.writerow((stopped, "2026-09-01", "yes"))
        table.writerows(_rows())


def _rows() -> Iterator[tuple[str, str, str]]:
    for place in range(1, ROWS):
        number = f"+1{AREAS[place // 100]}55501{place % 100:02}"
        day = f"2026-{place % 9 + 1:02}-{place % 27 + 1:02}"
        if place <= REFUSED:
            yield f"call {place}", day, "yes"
        elif place <= REFUSED + NOES:
            yield number, day, "unsubscribed"
        elif place <= REFUSED + NOES + UNPROVEN:
            yield number, "", "yes"
        else:
            yield number, day, "yes"


def take_in(stage: Stage, file: Path) -> dict[str, int]:
    """`sayso import`, as a business would; how many rows became what. Raises Expected."""
    wording = stage.folder / "wording.txt"
    wording.write_text(WORDING, encoding="utf-8")
    told = subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-m", "sayso.cli", "import", str(file), "--purposes", "offers", "--sender", "shop",
         "--proof-source", "the counter of the shop", "--wording-file", str(wording), "--yes", "--json",
         "--database", str(stage.folder / "sayso.db")],
        capture_output=True, text=True, check=False, timeout=IMPORT_S, cwd=stage.folder, env=stage.environ())
    expect(told.returncode == 0, f"the list is taken in: {told.stderr[-300:]}")
    answer = json.loads(told.stdout)
    return {name: int(answer[name]) for name in ("granted", "unknown", "kept_no", "refused")}
