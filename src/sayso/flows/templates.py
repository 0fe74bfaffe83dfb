"""What templates are filed under at the provider, and how sure that is: the category decides the class of a message.

Rules of the room: of two tellers the later counts; where their clocks cannot say which is later, and between the
languages of one template, the stricter does. What nobody told is unknown, and unknown denies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sayso.channels.base import TemplateNews
from sayso.core.lifecycle import SKEW
from sayso.core.message_class import CATEGORIES, stricter
from sayso.core.workspace import Connection
from sayso.flows.kit import Kit
from sayso.ports import DAY, MINUTE
from sayso.store.base import Row, Tx

#: A list this old is asked for again beside the send that noticed.
REFRESH_AFTER: Final = 10 * MINUTE
#: A list older than this is not believed: the send waits for a new one.
BELIEVED: Final = DAY


@dataclass(frozen=True, slots=True)
class Filed:
    """The class of a template's category, empty for one nobody knows. `told`: did anybody tell of it. `age` is that of
    the provider's list, -1 without one.
    """

    cls: str
    told: bool
    age: int


def heard(tx: Tx, kit: Kit, ws: str, connection: Connection, item: TemplateNews) -> None:
    """News by webhook. A time nobody can read is now; one of the future is clamped."""
    _put(tx, ws, connection.name, item.account, item.name, item.language, "news", item.category,
         min(item.at, kit.now()) if item.at > 0 else kit.now())


def listed(tx: Tx, ws: str, connection: Connection, name: str, found: Sequence[tuple[str, str]], asked_at: int) -> None:
    """The provider's list of a template's languages, asked for at `asked_at`."""
    account = connection.waba_id
    tx.run("forget_template_categories", ws=ws, connection=connection.name, account=account, name=name,
           before=asked_at - SKEW)
    for language, category in found:
        _put(tx, ws, connection.name, account, name, language, "list", category, asked_at)


def _put(tx: Tx, ws: str, connection: str, account: str, name: str, lang: str, source: str, category: str,
         told_at: int) -> None:
    tx.run("add_template_category", ws=ws, connection=connection, account=account, name=name, lang=lang, source=source,
           category=category, told_at=told_at)


def filed(tx: Tx, ws: str, connection: Connection, name: str, now: int) -> Filed:
    """What a template is filed under now, as far as anybody told."""
    rows = [row for row in tx.rows("template_categories", ws=ws, connection=connection.name, name=name)
            if not connection.waba_id or row[0] == connection.waba_id]
    lists = [int(row[4]) for row in rows if row[2] == "list"]
    told: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        told.setdefault((row[0], row[1]), []).append(row)
    classes = [CATEGORIES.get(row[3], "") for each in told.values() for row in _latest(each)]
    return Filed(stricter(classes), bool(rows), now - max(lists) if lists else -1)


def _latest(rows: list[Row]) -> list[Row]:
    """Those that may be the latest, of two clocks."""
    newest = max(int(row[4]) for row in rows)
    return [row for row in rows if int(row[4]) >= newest - SKEW]
