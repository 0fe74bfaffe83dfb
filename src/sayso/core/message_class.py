"""The class a message is judged in: what a template's category and a purpose's class make of it together.

Rules of the room: pure; the stricter one wins, and what is not in a table here has no class, which denies.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from sayso.core.purposes import MessageClass

#: Meta, template categorisation: what every template is filed under (since June 2023 there is no other).
CATEGORIES: Final[dict[str, MessageClass]] = {
    "MARKETING": "marketing", "UTILITY": "utility", "AUTHENTICATION": "authentication",
}
#: From what needs least to what needs most. `sharing` is not here: a message to the person shares nothing.
STRICTNESS: Final[dict[str, int]] = {"service": 0, "authentication": 1, "utility": 2, "marketing": 3}


def stricter(classes: Iterable[str]) -> str:
    """The strictest of these classes; empty if there is none, or if one of them is no class of a message."""
    found = list(classes)
    if not found or any(cls not in STRICTNESS for cls in found):
        return ""
    return max(found, key=STRICTNESS.__getitem__)
