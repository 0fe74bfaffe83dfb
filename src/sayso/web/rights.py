"""What a person may have of their record, for a business that hands it on: a private link, and everything.

Rules of the room: as in api.py, a handler calls one flow and decides nothing. A link leads to a page that shows no
number; everything is unmasked, so it asks for the scope `admin` and is recorded as given.
"""

from __future__ import annotations

from typing import Any

from sayso.flows import export, links
from sayso.web.api import address_of
from sayso.web.call import Answer, Call, answer
from sayso.web.schemas import Address, Reply, Request


class LinkRequest(Request, frozen=True, kw_only=True):
    """Whose preference page."""

    address: Address


class LinkMade(Reply, frozen=True, kw_only=True):
    """The private address of a preference page. It shows the record until `shown_until` (microseconds UTC), and stops
    for ever.
    """

    url: str
    person: str
    shown_until: int


class ExportRequest(Request, frozen=True, kw_only=True):
    """Whose record."""

    address: Address


class Exported(Reply, frozen=True, kw_only=True):
    """Everything recorded of a person; docs/data-export.md describes each part."""

    format: str
    given_at: str
    business: dict[str, str]
    person: str
    language: str
    addresses: list[dict[str, str]]
    consents: list[dict[str, Any]]
    paused_until: str
    history: list[dict[str, Any]]
    receipts: list[dict[str, Any]]
    receipts_in_the_making: list[str]


async def make_link(call: Call) -> Answer:
    """A link to somebody's preference page. Nothing is stored of it."""
    asked: LinkRequest = call.body
    caller, kit = call.known(), call.desk.kit
    address = address_of(caller, asked.address, "address")
    url, person = await call.desk.read(lambda tx: links.link_to(tx, kit, caller.workspace, address))
    return answer(200, LinkMade(url=url, person=person, shown_until=kit.now() + links.SHOWN_FOR["preferences"]))


async def give_everything(call: Call) -> Answer:
    """Everything recorded of a person, and the fact that it was given."""
    asked: ExportRequest = call.body
    caller, kit = call.known(), call.desk.kit
    address = address_of(caller, asked.address, "address")
    whole = await call.desk.write(lambda tx: export.export(tx, kit, caller.workspace, address, how="api"))
    call.desk.wake()
    return answer(200, whole)
