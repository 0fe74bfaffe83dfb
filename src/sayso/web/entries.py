"""Entry points over HTTP: what there is, how each of them does, its QR code; and the questions nobody answered yet.

Rules of the room: a GET makes nothing, not even the code of a placement; numbers of people are shown masked.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta

from sayso.channels import qr
from sayso.core.workspace import Entry, Workspace
from sayso.errors import InvalidRequest, NotConfigured, NotFound
from sayso.flows import entries, pending, printed
from sayso.flows.entries import Link, Statistics
from sayso.flows.pending import Waiting
from sayso.store.base import Tx
from sayso.web.call import Answer, Call, answer
from sayso.web.schemas import Name, Reply, Request

SVG: Final = b"image/svg+xml; charset=utf-8"
PNG: Final = b"image/png"
#: An image that is opened by itself runs nothing and loads nothing.
HEADERS: Final = ((b"content-security-policy", b"default-src 'none'"),)


class Placed(Reply, frozen=True, kw_only=True):
    """A place an entry point is printed at: its own code, and the link that opens the chat with it."""

    placement: str
    code: str
    link: str


class EntryShown(Reply, frozen=True, kw_only=True):
    """An entry point. `link` opens the page or the chat; it is empty where a person cannot reach it themselves, and for
    a page while SAYSO_PUBLIC_URL is not set. `word` is what to send instead of opening it.
    """

    name: str
    kind: Literal["phrase", "keyword", "api", "page", "ad", "clerk"]
    notice: str
    sender: str
    language: str
    code: str
    keywords: list[str]
    link: str
    word: str
    placements: list[Placed]


class Entries(Reply, frozen=True, kw_only=True):
    """All of them."""

    data: list[EntryShown]


class StatsQuery(Request, frozen=True, kw_only=True):
    """The last so many days, today included."""

    days: Annotated[int, Meta(ge=1, le=entries.MAX_DAYS)] = entries.DAYS


class QrQuery(Request, frozen=True, kw_only=True):
    """Which image: `scale` is pixels per module of a PNG; `chat` leads a page's code into WhatsApp at once."""

    format: Literal["svg", "png"] = "svg"
    placement: Name = ""
    scale: Annotated[int, Meta(ge=qr.SCALES[0], le=qr.SCALES[1])] = qr.SCALE
    chat: bool = False


class PlacementRequest(Request, frozen=True, kw_only=True):
    """A name for the place: small letters, digits, `-`, `_`."""

    placement: Annotated[str, Meta(min_length=1, max_length=48, examples=["counter"])]


class PendingQuery(Request, frozen=True, kw_only=True):
    """A page of open questions: those after this request, newest first."""

    after: Annotated[str, Meta(max_length=64)] = ""
    limit: Annotated[int, Meta(ge=1, le=pending.MAX_LISTED)] = pending.LISTED


class PendingPage(Reply, frozen=True, kw_only=True):
    """`next_cursor` is the next page's `after`, empty at the end."""

    data: list[Waiting]
    next_cursor: str
    has_more: bool


class AskedAgain(Reply, frozen=True, kw_only=True):
    """The question is in the outbox once more."""

    state: Literal["asked_again"]


async def list_entries(call: Call) -> Answer:
    """Every entry point with its code, its links and its placements."""
    workspace, public_url = call.known().workspace, call.desk.public_url

    def work(tx: Tx) -> Entries:
        return Entries(data=[_shown(tx, workspace, entry, public_url) for entry in workspace.entries.values()])

    return answer(200, await call.desk.read(work))


def _shown(tx: Tx, workspace: Workspace, entry: Entry, public_url: str) -> EntryShown:
    link, placed = _link(workspace, entry, public_url, chat=False), []
    if _link(workspace, entry, public_url, chat=True):
        known = entries.placements(tx, workspace, entry)
        placed = [_placed(workspace, entry, name, code) for name, code in known.items()]
    return EntryShown(name=entry.name, kind=entry.kind, notice=entry.notice, sender=entry.sender, language=entry.lang,
                      code=entry.code, keywords=list(entry.keywords), link=link.url if link else "",
                      word=link.word if link else "", placements=placed)


def _link(workspace: Workspace, entry: Entry, public_url: str, *, chat: bool) -> Link | None:
    """None where there is nothing a person could open: it is listed all the same."""
    try:
        return entries.link(workspace, entry, public_url, chat=chat)
    except (InvalidRequest, NotConfigured):
        return None


def _placed(workspace: Workspace, entry: Entry, name: str, code: str) -> Placed:
    return Placed(placement=name, code=code, link=entries.link(workspace, entry, "", code, chat=True).url)


async def show_stats(call: Call) -> Answer:
    """What became of those who began here: all, day by day (UTC, the day they began), and by placement."""
    asked: StatsQuery = call.query
    workspace, kit, entry = call.known().workspace, call.desk.kit, _entry(call)

    def work(tx: Tx) -> Statistics:
        return entries.statistics(tx, kit, workspace, entry.name, asked.days)

    return answer(200, await call.desk.read(work))


async def show_code(call: Call) -> Answer:
    """The QR code. It only ever leads to the public address or to a number of the workspace."""
    asked: QrQuery = call.query
    workspace, entry, public_url = call.known().workspace, _entry(call), call.desk.public_url
    code = await call.desk.read(lambda tx: entries.code_of(tx, workspace, entry, asked.placement))
    made = printed.code(workspace, entry, public_url, code, chat=asked.chat)
    if asked.format == "svg":
        return Answer(200, qr.svg(made.code, made.label).encode(), SVG, HEADERS)
    return Answer(200, await call.desk.away(qr.png, made.code, made.label, asked.scale), PNG, HEADERS)


async def make_placement(call: Call) -> Answer:
    """A code of its own for one more place; the same one again if the place has one."""
    asked: PlacementRequest = call.body
    workspace, kit, entry = call.known().workspace, call.desk.kit, _entry(call)
    code = await call.desk.write(lambda tx: entries.make_placement(tx, kit, workspace, entry, asked.placement))
    return answer(200, _placed(workspace, entry, asked.placement, code))


def _entry(call: Call) -> Entry:
    found = call.known().workspace.entries.get(call.params["entry"])
    if found is None:
        raise NotFound("There is no such entry point.", param="entry")
    return found


# -- open questions ----------------------------------------------------------------------------------------------------


async def list_pending(call: Call) -> Answer:
    """Who was asked and has not answered, newest first."""
    asked: PendingQuery = call.query
    workspace, kit = call.known().workspace, call.desk.kit
    page = await call.desk.read(lambda tx: pending.waiting(tx, kit, workspace, after=asked.after, limit=asked.limit))
    return answer(200, PendingPage(data=list(page.items), next_cursor=page.after, has_more=bool(page.after)))


async def resend(call: Call) -> Answer:
    """Ask once more: a day after the last time at the earliest, and once. Never over a stop."""
    caller, kit, request = call.known(), call.desk.kit, call.params["request"]

    def work(tx: Tx) -> None:
        caller.check_address(pending.recipient(tx, kit, caller.workspace.id, request), "request")
        pending.resend(tx, kit, caller.workspace, request)

    await call.desk.write(work)
    call.desk.wake()
    return answer(202, AskedAgain(state="asked_again"))
