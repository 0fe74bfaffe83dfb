"""The preference page at /p/{token}: see, stop, switch, pause, take along, be forgotten. No sign-in and no script.

Rules of the room: GET and HEAD change nothing, whoever fetches (crawlers of chats fetch every link). A form is taken
from this page only, and is answered by a redirect, so that a reload repeats nothing; the one-click stop for machines
(RFC 8058) alone comes from anywhere. An old link stops and shows nothing. The token is in no header, page or log.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from urllib.parse import urlencode

import msgspec

from sayso.core.workspace import Workspace
from sayso.errors import Forbidden, InvalidRequest, Limited, NotFound, SaysoError, UnknownLink
from sayso.flows import abuse, export, links, preferences
from sayso.flows.links import Link
from sayso.flows.opt_out import OptedOut
from sayso.flows.preferences import Saved
from sayso.store.base import Tx
from sayso.telemetry import OPT_OUTS, log
from sayso.web import visitor
from sayso.web.api import drain
from sayso.web.call import JSON, TEXT, Answer, Call, read_body
from sayso.web.pages import HTML, asked_in_query, fields_of, lost
from sayso.web.preference_view import HEADERS, Shown, page

#: Largest form, bytes, and most fields: two for each purpose of the largest business, and the page's own.
MAX_FORM: Final = 64 * 1024
MAX_FIELDS: Final = 600
#: RFC 8058 section 3.2: the body of a one-click request, as a form of either kind.
ONE_CLICK: Final = ("List-Unsubscribe", "One-Click")
_MULTIPART_ONE_CLICK: Final = re.compile(rb'name="?List-Unsubscribe"?\r?\n(?:[^\r\n]+\r?\n){0,4}\r?\nOne-Click\r?\n')
#: Fields of a switch: how it stood when it was shown, and how it came back.
WAS: Final = "was."
WISH: Final = "set."

#: The one act that is answered by a file.
DATA: Final = "data"
#: What says no, and turns nothing on: no limit stands in its way. Each is recorded once, however often it comes.
NEVER_LIMITED: Final = frozenset({"stop", "save"})

Fields = Mapping[str, list[str]]
Act = Callable[[Call, Workspace, Link, Fields], Awaitable[dict[str, str]]]


async def show(call: Call) -> Answer:
    """The page. It changes nothing."""
    try:
        link, workspace = await _place(call)
    except NotFound:
        return lost(call, "..")
    asked = asked_in_query(call)
    return await _page(call, workspace, link, Shown(
        done=asked.get("done", ""), ask=asked.get("ask", ""), lang=asked.get("lang", ""),
        joining=tuple(asked.get("on", "").split(","))))


async def take(call: Call) -> Answer:
    """A form of the page, or a machine's one-click stop."""
    raw = await read_body(call, MAX_FORM)
    one_click = _is_one_click(call, raw)
    if not one_click and not visitor.came_from_our_page(call):
        raise Forbidden("A form of this page is taken from this page only.")
    fields = {} if one_click else fields_of(raw, MAX_FIELDS)
    try:
        link, workspace = await _place(call)
    except NotFound:
        return lost(call, "..")
    if one_click:
        return await _at_one_click(call, workspace, link)
    lang, act = _one(fields, "lang"), _one(fields, "do")
    try:
        return await _done(call, workspace, link, fields, act, lang)
    except (InvalidRequest, Limited):
        raise
    except SaysoError as error:
        log("failed", code=error.code, route=call.route, request_id=call.request_id)
        return await _page(call, workspace, link, Shown(done="failed", lang=lang), error.status)


async def _done(call: Call, workspace: Workspace, link: Link, fields: Fields, act: str, lang: str) -> Answer:
    if act not in ACTS and act != DATA:
        return _back({"done": "same"}, lang)  # an empty or a broken form is no wish
    if act != "stop" and link.expired:
        return _back({}, lang)
    if act not in NEVER_LIMITED and (act != DATA or link.use == "data"):
        await call.desk.write(lambda tx: _count(tx, call, workspace, link))
    if visitor.objects_to_sharing(call):
        await call.desk.write(lambda tx: preferences.object_to_sharing(tx, call.desk.kit, workspace, link))
    if act == DATA:
        return await _data(call, workspace, link, lang)
    told = await ACTS[act](call, workspace, link, fields)
    call.desk.wake()
    if link.expired:  # nothing about the record can be read off an address that anybody may write
        return await _page(call, workspace, link, Shown(done="stop", lang=lang, sure=told.get("done") == "stop"))
    return _back(told, lang)


def _count(tx: Tx, call: Call, workspace: Workspace, link: Link) -> None:
    """One more change by this link, if there is anybody to change. Raises Limited."""
    if preferences.holder(tx, link) is not None:
        abuse.changed_by_link(tx, call.desk.kit, workspace, link)


async def _at_one_click(call: Call, workspace: Workspace, link: Link) -> Answer:
    silent = await _stop(call, workspace, link, "one_click")
    call.desk.wake()
    told = b"Stopped.\n" if silent else b"The stop is recorded; what was already under way leaves within seconds.\n"
    return Answer(200 if silent else 202, told, TEXT, HEADERS)


# -- acts --------------------------------------------------------------------------------------------------------------


async def _stop_all(call: Call, workspace: Workspace, link: Link, _: Fields) -> dict[str, str]:
    return {"done": "stop" if await _stop(call, workspace, link, "preferences") else "soon"}


async def _stop(call: Call, workspace: Workspace, link: Link, how: str) -> bool:
    """True once nothing can follow any more."""
    kit = call.desk.kit
    said = await call.desk.write(lambda tx: preferences.stop(tx, kit, workspace, link, how=how))
    return await _silent(call, workspace, said)


async def _save(call: Call, workspace: Workspace, link: Link, fields: Fields) -> dict[str, str]:
    """The switches; what leads into the chat is shown after the redirect."""
    was = {name[len(WAS):]: values[0] for name, values in fields.items() if name.startswith(WAS)}
    wanted = {name[len(WISH):]: "off" if "off" in values else values[0]  # said both: the no counts
              for name, values in fields.items() if name.startswith(WISH)}
    kit = call.desk.kit
    saved: Saved = await call.desk.write(lambda tx: preferences.save(tx, kit, workspace, link, was, wanted))
    call.desk.wake()
    for said in saved.stops:
        await _silent(call, workspace, said)
    told = {"done": "saved" if saved.stops else "" if saved.to_join else "same"}
    return told | ({"on": ",".join(saved.to_join)} if saved.to_join else {})


async def _pause(call: Call, workspace: Workspace, link: Link, fields: Fields) -> dict[str, str]:
    days, kit = _one(fields, "days"), call.desk.kit
    number = int(days) if days.isascii() and days.isdigit() and len(days) < 4 else 0
    said = await call.desk.write(lambda tx: preferences.pause(tx, kit, workspace, link, number))
    if said is not None:
        await _silent(call, workspace, said)
    return {"done": "paused"}


async def _resume(call: Call, workspace: Workspace, link: Link, _: Fields) -> dict[str, str]:
    kit = call.desk.kit
    ended = await call.desk.write(lambda tx: preferences.end_pause(tx, kit, workspace, link))
    return {"done": "resumed" if ended else "same"}


async def _erase(call: Call, workspace: Workspace, link: Link, _: Fields) -> dict[str, str]:
    kit, system = call.desk.kit, call.desk.system
    erased = await call.desk.write(lambda tx: preferences.erase(tx, kit, workspace, link))
    if erased is not None:
        await call.desk.away(system.purge, erased)
        if erased.silent_by:
            await drain(call, workspace.id, erased.people)
    return {"done": "erased"}


async def _reason(call: Call, workspace: Workspace, link: Link, fields: Fields) -> dict[str, str]:
    reason, kit = _one(fields, "reason"), call.desk.kit
    given = await call.desk.write(lambda tx: preferences.give_reason(tx, kit, workspace, link, reason))
    return {"done": "reason" if given else "same"}


async def _data(call: Call, workspace: Workspace, link: Link, lang: str) -> Answer:
    """Everything, as a file; only by a link that the phone itself asked for."""
    kit = call.desk.kit

    def work(tx: Tx) -> bytes | None:
        person = preferences.holder(tx, link)
        if person is None or link.use != "data":
            return None
        return msgspec.json.encode(export.give(tx, kit, workspace, person, how="preferences"))

    whole = await call.desk.write(work)
    if whole is None:
        return _back({"done": "same"}, lang)
    named = (b"content-disposition", f'attachment; filename="{workspace.slug}-my-data.json"'.encode())
    return Answer(200, msgspec.json.format(whole), JSON, (named, *HEADERS))


ACTS: Final[Mapping[str, Act]] = {
    "stop": _stop_all, "save": _save, "pause": _pause, "resume": _resume, "erase": _erase, "reason": _reason,
}


async def _silent(call: Call, workspace: Workspace, said: OptedOut) -> bool:
    """Wait until nothing that was under way can leave; False when that takes longer than a lease can."""
    if said.changed:
        OPT_OUTS.inc()
    return not said.silent_by or await drain(call, workspace.id, said.people)


# -- reading and showing -----------------------------------------------------------------------------------------------


async def _place(call: Call) -> tuple[Link, Workspace]:
    """Whose page this is. Raises UnknownLink, the same for every reason."""
    kit = call.desk.kit
    link = links.read(kit, call.params["token"], kit.now())
    found = [workspace for workspace in await call.desk.workspaces() if workspace.id == link.workspace]
    if not found:
        raise UnknownLink
    return link, found[0]


async def _page(call: Call, workspace: Workspace, link: Link, shown: Shown, status: int = 200) -> Answer:
    kit = call.desk.kit
    view = await call.desk.read(lambda tx: preferences.look(tx, kit, workspace, link, history=not link.expired))
    return Answer(status, page(call, workspace, link, view, shown), HTML, HEADERS)


def _back(told: Mapping[str, str], lang: str) -> Answer:
    """See the page again, by GET; the address stays the same but for its query."""
    query = {name: value for name, value in told.items() if value} | ({"lang": lang} if lang else {})
    return Answer(303, b"", HTML, ((b"location", f"?{urlencode(query, safe=',')}".encode()), *HEADERS))


def _is_one_click(call: Call, raw: bytes) -> bool:
    if call.header(b"content-type").startswith(b"multipart/form-data"):
        return _MULTIPART_ONE_CLICK.search(raw) is not None
    return raw.strip() == "=".join(ONE_CLICK).encode()


def _one(fields: Fields, name: str) -> str:
    return fields.get(name, [""])[0]
