"""Noes that stand where nobody looks: columns with titles of their own, words in notes.

Rules of the room: a title need only hold a word about leaving or consent to be looked at, however it is dressed; a
column about consent that is not read as one can still say no, and never yes; a note that asks for silence is a no. When
in doubt somebody is left alone: what is missed here would be a message to a person who said no.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

from sayso.flows.import_values import status_of
from sayso.rules.columns import folded, load_columns

#: A cell longer than this is no single word about leaving, however it is written.
LONGEST_WORD: Final = 24
#: A cell longer than this is not searched for a wish to be left alone.
LONGEST_NOTE: Final = 500
#: Columns of a report of ours that is fed again.
OURS: Final = "sayso_"
#: What a reader of files puts behind the second column of one title.
_AGAIN: Final = re.compile(r"\s\(\d+\)\Z")


def title_of(name: str) -> str:
    """A column's title as it is compared; the second of one title is called as the first."""
    return folded(_AGAIN.sub("", name))


@lru_cache(4_096)
def about_leaving(title: str) -> bool:
    """True for the title of a column about leaving: "Opted out of WhatsApp", "UNSUB_TIME"."""
    known = load_columns()
    if title in known.names["stopped"]:
        return True
    return any(word in title for word in known.leaving) and not any(word in title for word in known.harmless)


@lru_cache(4_096)
def about_consent(title: str) -> bool:
    """True for the title of a column about consent: "WhatsApp consent", "Marketing ok?"."""
    known = load_columns()
    return title in known.names["status"] or any(word in title for word in known.consent)


def left(header: Sequence[str], columns: Mapping[str, tuple[int, ...]], cells: Sequence[str]) -> bool:
    """True if a cell of a column that is read as nothing says that the person does not want messages."""
    used = {column for places in columns.values() for column in places}
    return any(cell and column not in used and not name.startswith(OURS) and _says_no(name, cell)
               for column, (name, cell) in enumerate(zip(header, cells, strict=False)))


def _says_no(name: str, cell: str) -> bool:
    if len(cell) > LONGEST_NOTE:
        return False
    known = load_columns()
    word = folded(cell)
    if len(cell) <= LONGEST_WORD and word in known.left:
        return True
    if any(phrase in word for phrase in known.silence):
        return True
    return about_consent(title_of(name)) and status_of(cell) == "no"
