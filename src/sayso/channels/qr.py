"""QR codes, as SVG and PNG. A code only ever leads to the configured public address or to a chat with an own number.

Rules of the room: there is one way to a code, `encode`, and it checks where the code leads; what is not allowed raises.
Under every code stands in plain letters where it leads, so that a sticker over it can be noticed (the FTC and others
warn of codes pasted over codes). Drawing needs no font file and no image library.
"""

from __future__ import annotations

import html
import re
import struct
import unicodedata
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Final
from urllib.parse import parse_qs, urlsplit

import segno

from sayso.errors import InvalidRequest

#: Modules of light around a code (ISO/IEC 18004, 9.1: four).
QUIET: Final = 4
#: Characters of an address: a phrase of 200 in a script that needs nine characters for each fits.
MAX_URL: Final = 2_400
#: Pixels per module of a PNG.
SCALES: Final = (2, 40)
SCALE: Final = 12
#: All that may stand in an address; nothing that a phone could read in two ways.
PLAIN: Final = re.compile(r"https://[a-z0-9.:\[\]-]+/[A-Za-z0-9._~/%?=&+-]*\Z")
#: Where pages for people are, under the public address: by the code of an entry point.
PAGES: Final = re.compile(r"/o/[0-9A-Z]{8}\Z")
#: The letters of a PNG: printable ASCII and Latin-1, made by tools/make_poster_fonts.py, one beside the other.
LETTERS: Final = (*range(0x21, 0x7F), *range(0xA1, 0x100))
CELL: Final = (40, 44)
SPACE: Final = 9

Rows = tuple[tuple[bool, ...], ...]


@dataclass(frozen=True, slots=True)
class Allowed:
    """Where codes may lead: under this public address (https, or empty for none), and to chats with these numbers in
    E.164.
    """

    public_url: str
    numbers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Label:
    """What people read under a code (`brand`, and `short`: where it leads), and what a screen reader says of it."""

    brand: str
    short: str
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Code:
    """A checked address and its modules, dark is True; made by `encode` alone."""

    url: str
    rows: Rows


def encode(url: str, allowed: Allowed) -> Code:
    """The code of an address. Raises InvalidRequest for one that is not allowed."""
    check(url, allowed)
    made = segno.make(url, error="m", boost_error=True, micro=False)
    return Code(url, tuple(tuple(bool(module) for module in row) for row in made.matrix))


def check(url: str, allowed: Allowed) -> None:
    """Raises InvalidRequest unless the address is a page of ours or a chat with a number of ours."""
    fine = len(url) <= MAX_URL and PLAIN.match(url) is not None
    if fine:
        host = urlsplit(url).netloc
        fine = _is_chat(url, allowed.numbers) if host == "wa.me" else _is_page(url, allowed.public_url)
    if not fine:
        raise InvalidRequest("A QR code leads to SAYSO_PUBLIC_URL (https) or to wa.me with a number of yours, and "
                             "nowhere else.", param="url")


def _is_chat(url: str, numbers: Iterable[str]) -> bool:
    parts = urlsplit(url)
    if parts.path not in {f"/{number.lstrip('+')}" for number in numbers}:
        return False
    return list(parse_qs(parts.query, keep_blank_values=True)) == ["text"] and parts.query.count("=") == 1


def _is_page(url: str, public_url: str) -> bool:
    mine, parts = urlsplit(public_url.rstrip("/")), urlsplit(url)
    if mine.scheme != "https" or parts.netloc != mine.netloc or not parts.path.startswith(f"{mine.path}/"):
        return False
    return not parts.query and PAGES.match(parts.path.removeprefix(mine.path)) is not None


# -- SVG ---------------------------------------------------------------------------------------------------------------


def svg(code: Code, label: Label) -> str:
    """A stand-alone image, in any script: the reader's own fonts draw the words. One unit is one module."""
    side = len(code.rows) + 2 * QUIET
    lines = [(label.brand, 3.4, "bold"), (label.short, 2.6, "normal")]
    words, bottom = [], float(side) - 1
    for text, size, weight in lines:
        fits = min(size, (side - 2) / max(_width(text), 1))
        bottom += fits * 1.3
        words.append(f'<text x="{side / 2:g}" y="{bottom:.2f}" font-size="{fits:.2f}" font-weight="{weight}" '
                     f'unicode-bidi="plaintext">{html.escape(text)}</text>')
    name = f"qr{zlib.crc32(code.url.encode()):08x}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {bottom + 2:.2f}" role="img" '
        f'aria-labelledby="{name}t {name}d">'
        f'<title id="{name}t">{html.escape(label.title)}</title>'
        f'<desc id="{name}d">{html.escape(label.description)}</desc>'
        f'<rect width="100%" height="100%" fill="#fff"/>'
        f'<path fill="#000" shape-rendering="crispEdges" d="{path(code)}"/>'
        f'<g fill="#000" font-family="system-ui, sans-serif" text-anchor="middle">{"".join(words)}</g></svg>\n'
    )


def path(code: Code) -> str:
    """The dark modules as an SVG path, the light border left free."""
    return "".join(f"M{x} {y}h{width}v1h-{width}z" for x, y, width in runs(code))


def runs(code: Code) -> Iterable[tuple[int, int, int]]:
    """(x, y, width) of every run of dark modules, in modules from the corner of the light border."""
    for y, row in enumerate(code.rows, QUIET):
        start = 0
        for x, dark in enumerate((*row, False)):
            if dark and (x == 0 or not row[x - 1]):
                start = x
            elif not dark and x and row[x - 1]:
                yield start + QUIET, y, x - start


def _width(text: str) -> float:
    """About how many ems a text is wide: letters of East Asia are square."""
    return sum(1.0 if unicodedata.east_asian_width(char) in "WF" else 0.62 for char in text)


# -- PNG ---------------------------------------------------------------------------------------------------------------


def png(code: Code, label: Label, scale: int = SCALE) -> bytes:
    """A black and white image, `scale` pixels per module, with the brand (where its letters are Latin) and the address
    under the code. Raises InvalidRequest for a scale out of bounds.
    """
    if not SCALES[0] <= scale <= SCALES[1]:
        raise InvalidRequest(f"A module is {SCALES[0]} to {SCALES[1]} pixels wide.", param="scale")
    side = (len(code.rows) + 2 * QUIET) * scale
    light = bytes(side)
    rows = [light] * (QUIET * scale)
    for row in code.rows:
        inner = b"".join((b"\1" if dark else b"\0") * scale for dark in row)
        rows += [inner.join((bytes(QUIET * scale),) * 2)] * scale
    rows += [light] * (QUIET * scale)
    for text in (label.brand, label.short):
        if all(ord(char) in LETTERS or char == " " for char in text):
            for line in _wrapped(text, side - 2 * scale):
                rows += [_centred(row, side) for row in line]
    rows += [light] * (2 * scale)
    return write_png(rows, {"Title": label.title, "Description": label.description})


def _wrapped(text: str, width: int) -> list[list[bytes]]:
    """A text set in lines that fit, each a list of pixel rows."""
    lines: list[list[str]] = [[]]
    for word in text.split():
        for piece in _pieces(word, width):
            if lines[-1] and _measure(" ".join([*lines[-1], piece])) > width:
                lines.append([])
            lines[-1].append(piece)
    return [_set(" ".join(line)) for line in lines if line]


def _pieces(word: str, width: int) -> list[str]:
    """A word, cut where it is wider than the whole line."""
    pieces = [""]
    for char in word:
        if pieces[-1] and _measure(pieces[-1] + char) > width:
            pieces.append("")
        pieces[-1] += char
    return pieces


def _measure(text: str) -> int:
    return sum(len(_letter(char)[0]) for char in text)


def _set(text: str) -> list[bytes]:
    letters = [_letter(char) for char in text]
    return [b"".join(letter[y] for letter in letters) for y in range(CELL[1])]


def _centred(row: bytes, width: int) -> bytes:
    left = max(width - len(row), 0) // 2
    return (bytes(left) + row + bytes(width))[:width]


@cache
def _letter(char: str) -> list[bytes]:
    """The pixel rows of one letter, trimmed to its own width with two free columns behind it."""
    if char == " ":
        return [bytes(SPACE)] * CELL[1]
    left = LETTERS.index(ord(char)) * CELL[0]
    cell = [row[left:left + CELL[0]] for row in _sheet()]
    columns = [x for x in range(CELL[0]) if any(row[x] for row in cell)]
    return [row[columns[0]:columns[-1] + 1] + bytes(2) for row in cell]


@cache
def _sheet() -> list[bytes]:
    return read_png(resources.files("sayso.channels").joinpath("fonts/letters.png").read_bytes())


def write_png(rows: Sequence[bytes], texts: dict[str, str] | None = None) -> bytes:
    """A one-bit image (W3C PNG, 11.2); each row holds a byte per pixel, 1 is dark. `texts` are kept inside it."""
    width = len(rows[0])
    head = struct.pack(">IIBBBBB", width, len(rows), 1, 0, 0, 0, 0)
    packed = b"".join(b"\0" + _packed(row) for row in rows)
    parts = [_chunk(b"IHDR", head)]
    for name, text in (texts or {}).items():  # iTXt: UTF-8, not compressed, no language
        parts.append(_chunk(b"iTXt", name.encode() + b"\0\0\0\0\0" + text.encode()))
    parts += [_chunk(b"IDAT", zlib.compress(packed, 9)), _chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def read_png(data: bytes) -> list[bytes]:
    """The rows of an image that `write_png` wrote."""
    at, pixels, width = 8, b"", 0
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        body = data[at + 8:at + 8 + size]
        width = struct.unpack(">I", body[:4])[0] if kind == b"IHDR" else width
        pixels += zlib.decompress(body) if kind == b"IDAT" else b""
        at += 12 + size
    step = 1 + -(-width // 8)
    return [bytes(not pixels[y + 1 + x // 8] >> (7 - x % 8) & 1 for x in range(width))
            for y in range(0, len(pixels), step)]


def _packed(row: bytes) -> bytes:
    """Eight pixels to a byte; in a PNG, 1 is light."""
    bits = row.translate(_BITS) + b"1" * (-len(row) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


_BITS: Final = bytes.maketrans(b"\0\1", b"10")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
