"""The audience over HTTP: everybody who may be messaged for a purpose, a page at a time.

Rules of the room: it is a POST, for handing a list out is recorded: each page, before anybody on it is named.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from sayso.errors import Forbidden
from sayso.flows import audience
from sayso.web.call import Answer, Call, answer
from sayso.web.schemas import Name, Purpose, Reply, Request


class AudienceRequest(Request, frozen=True, kw_only=True):
    """Which purpose, from which sender. `after` is the `next_cursor` of the page before; `limit` is how many people are
    looked at for a page. `recipient` names a third party, for purposes of class sharing alone.
    """

    purpose: Purpose
    sender: Name = ""
    after: Annotated[str, Meta(max_length=64)] = ""
    limit: Annotated[int, Meta(ge=1, le=audience.MAX_PAGE)] = audience.PAGE
    recipient: Annotated[str, Meta(max_length=audience.MAX_RECIPIENT)] = ""


class AudiencePage(Reply, frozen=True, kw_only=True):
    """Addresses as they are written to. A page may be empty and not the last: `has_more` says. `position` is the place
    in the ledger it is true at; `event` is the fact that this page was handed out.
    """

    data: list[str]
    next_cursor: str
    has_more: bool
    position: int
    event: str
    grade: Literal["filter"]


async def page(call: Call) -> Answer:
    """One page. A test key has nobody to be told of."""
    asked: AudienceRequest = call.body
    caller, kit = call.known(), call.desk.kit
    if caller.key.mode == "test":
        raise Forbidden("A test key is told nobody's number.")
    workspace = caller.workspace
    cell = workspace.cell(asked.purpose, asked.sender)
    event = await call.desk.write(lambda tx: audience.handed_out(tx, kit, workspace, cell, how="api",
                                                                 recipient=asked.recipient))
    call.desk.wake()
    found = await call.desk.read(lambda tx: audience.page(tx, kit, workspace, cell, after=asked.after,
                                                          limit=asked.limit))
    return answer(200, AudiencePage(data=[address.dial for address in found.addresses], next_cursor=found.after,
                                    has_more=bool(found.after), position=found.position, event=event, grade="filter"))
