"""Purposes, message classes and cells: what a yes or a no is about.

A cell is (purpose, sender, message class). Every grant and every stop covers a rectangle of cells, `*` allowed in
each place; `*` in a stop also covers purposes invented later.
"""

from __future__ import annotations

import re
from typing import Final, Literal, NamedTuple, get_args

from sayso.errors import InvalidRequest

MessageClass = Literal["marketing", "utility", "authentication", "service", "sharing"]
CLASSES: Final[tuple[str, ...]] = get_args(MessageClass)
#: The class of Sayso's own messages: prompt, reminder, welcome, confirmation, reply. No purpose may have it.
CONSENT: Final = "consent"
ANY: Final = "*"
#: A purpose's name: short, fit for a URL, a header and a template map.
NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,47}\Z")


class Cell(NamedTuple):
    """A rectangle of cells, or one cell when no place is `*`."""

    purpose: str
    sender: str
    cls: str

    def covers(self, other: Cell) -> bool:
        """True if every cell of `other` is a cell of this."""
        return (
            self.purpose in (ANY, other.purpose)
            and self.sender in (ANY, other.sender)
            and self.cls in (ANY, other.cls)
        )

    def touches(self, other: Cell) -> bool:
        """True if some cell belongs to both."""
        return all(ANY in (mine, theirs) or mine == theirs for mine, theirs in zip(self, other, strict=True))


EVERYTHING: Final = Cell(ANY, ANY, ANY)
ALL_MARKETING: Final = Cell(ANY, ANY, "marketing")


def check_name(name: str, param: str) -> str:
    """A purpose's or entry point's name, or InvalidRequest naming the field."""
    if not NAME.match(name):
        raise InvalidRequest(
            "A name is 1 to 48 characters: small letters, digits, '-' and '_', a letter first.", param=param
        )
    return name
