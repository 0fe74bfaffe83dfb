"""Wordings over HTTP: looked at, drafted, published, compared, and lint for any text.

Rules of the room: as in `api.py`; whatever changes what people are shown asks for the scope `admin`. A wording that
deceives is refused here exactly as on the command line.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from sayso.core.findings import Finding, Place
from sayso.core.workspace import Template, Workspace
from sayso.errors import InvalidRequest, NotFound
from sayso.flows import linting, notices
from sayso.flows.notices import Draft, Overview, Version
from sayso.rules import countries
from sayso.rules.vocabulary import starter_for
from sayso.store.base import Tx
from sayso.web.call import Answer, Call, answer
from sayso.web.idempotency import key_of, once
from sayso.web.schemas import Name, Reply, Request

Wording = Annotated[str, Meta(max_length=notices.MAX_DRAFT)]
Lang = Annotated[str, Meta(max_length=35, examples=["en", "pt-BR"])]
Templates = Annotated[dict[str, Template], Meta(max_length=notices.MAX_LANGUAGES)]
Names = Annotated[tuple[Name, ...], Meta(max_length=100)]


class NoticeList(Reply, frozen=True, kw_only=True):
    """Every notice in force and every draft, by name."""

    data: list[Overview]


class NoticeShown(Reply, frozen=True, kw_only=True):
    """A notice in force, word for word, and its drafts. `version` is 0 while there are only drafts."""

    notice: str
    origin: Literal["file", "desk", ""]
    version: int
    purposes: list[str]
    senders: list[str]
    text: dict[str, str]
    hash: dict[str, str]
    drafts: list[Draft]


class NoticeHistory(Reply, frozen=True, kw_only=True):
    """Every version there ever was, newest first."""

    data: list[Version]


class DiffQuery(Request, frozen=True, kw_only=True):
    """Which two versions, by number or `draft`; left out, the newest and the one before it."""

    lang: Lang = ""
    before: Name = ""
    after: Name = ""


class DraftRequest(Request, frozen=True, kw_only=True):
    """A wording, or the name of a starter to begin with (`offers`, `orders`, `support`) and perhaps a link to the
    privacy policy. `purposes` and `senders` are those of the whole notice; left out, they stay.
    """

    lang: Annotated[str, Meta(min_length=1, max_length=35, examples=["en"])]
    text: Wording = ""
    starter: Name = ""
    privacy: Annotated[str, Meta(max_length=300)] = ""
    purposes: Names = ()
    senders: Names = ()


class DraftKept(Reply, frozen=True, kw_only=True):
    """The draft, and what lint says of it."""

    draft: Draft
    findings: list[Finding]


class DiscardRequest(Request, frozen=True, kw_only=True):
    """Which language's draft; left out, all of them."""

    lang: Lang = ""


class Discarded(Reply, frozen=True, kw_only=True):
    """How many drafts were thrown away."""

    discarded: int


class PublishRequest(Request, frozen=True, kw_only=True):
    """`reason`: why it is published although something is missing; it stands in the ledger, so no names in it.
    `templates`: the approved template of each language.
    """

    reason: Annotated[str, Meta(max_length=notices.REASON[1])] = ""
    templates: Templates = msgspec.field(default_factory=dict)


class Retired(Reply, frozen=True, kw_only=True):
    """The notice is out of force; its versions stay on record."""

    notice: str


class LintRequest(Request, frozen=True, kw_only=True):
    """A text to look at, or the name of a notice: its draft, else the one in force. `countries`: whose rules, instead
    of the workspace's own, such as `DE` or `US-CA`.
    """

    text: Wording = ""
    notice: Name = ""
    lang: Lang = ""
    purposes: Names = ()
    place: Place = "interactive"
    buttons: Annotated[tuple[Annotated[str, Meta(max_length=200)], ...], Meta(max_length=10)] = ()
    countries: Annotated[tuple[Annotated[str, Meta(max_length=6)], ...], Meta(max_length=50)] = ()


class LintShown(Reply, frozen=True, kw_only=True):
    """What to mend, the gravest first. Something that must be mended is not published."""

    must: int
    should: int
    findings: list[Finding]


async def _now(call: Call) -> Workspace:
    """The workspace as it is now: who asked is remembered for a second, and may have published since."""
    known = call.known().workspace
    return await call.desk.away(call.desk.system.directory.by_id, known.id) or known


# -- looking -----------------------------------------------------------------------------------------------------------


async def list_notices(call: Call) -> Answer:
    """What is asked with, and what is being written."""
    workspace = await _now(call)
    return answer(200, NoticeList(data=await call.desk.read(lambda tx: notices.overview(tx, workspace))))


async def show_notice(call: Call) -> Answer:
    """One notice. 404 for one that is neither in force nor drafted."""
    workspace, name = await _now(call), call.params["notice"]
    own = await call.desk.read(lambda tx: notices.drafts(tx, workspace.id, name))
    now = workspace.notices.get(name)
    known = now or next(iter(own), None)
    if known is None:
        raise NotFound("There is no such notice.", param="notice")
    return answer(200, NoticeShown(
        notice=name, origin=now.origin if now else "", version=now.version if now else 0, drafts=own,
        purposes=list(known.purposes), senders=list(known.senders), text=now.text if now else {},
        hash={lang: now.hash(lang) for lang in now.text} if now else {}))


async def show_history(call: Call) -> Answer:
    """Versions with their hashes, and why one was published although something was missing."""
    ws, name = call.known().workspace.id, call.params["notice"]
    return answer(200, NoticeHistory(data=await call.desk.read(lambda tx: notices.history(tx, ws, name))))


async def show_difference(call: Call) -> Answer:
    """Two versions side by side, sentence by sentence; the places of changed words are in characters."""
    asked: DiffQuery = call.query
    workspace, name = await _now(call), call.params["notice"]
    return answer(200, await call.desk.read(lambda tx: notices.difference(tx, workspace, name, asked.lang, asked.before,
                                                                          asked.after)))


async def lint(call: Call) -> Answer:
    """Nothing is kept of the text."""
    asked: LintRequest = call.body
    workspace = await _now(call)
    if bool(asked.text.strip()) == bool(asked.notice):
        raise InvalidRequest("Send a text, or the name of a notice.", param="text")
    rules = countries.rules_for(asked.countries or linting.codes_of(workspace))
    if asked.notice:
        found = await call.desk.read(lambda tx: _of_notice(tx, workspace, asked, rules))
    else:
        found = await call.desk.away(lambda: linting.look(
            workspace, asked.text, asked.lang or workspace.language, purposes=asked.purposes, place=asked.place,
            buttons=asked.buttons, rules=rules))
    return answer(200, LintShown(**linting.counted(found), findings=list(found)))


def _of_notice(tx: Tx, workspace: Workspace, asked: LintRequest,
               rules: tuple[countries.Country, ...]) -> tuple[Finding, ...]:
    now = workspace.notices.get(asked.notice)
    drafted = (now is None or now.origin == "desk") and notices.drafts(tx, workspace.id, asked.notice)
    notice = notices.proposed(tx, workspace, asked.notice) if drafted else now
    if notice is None:
        raise NotFound("There is no such notice.", param="notice")
    found = linting.look_whole(workspace, notice, place=asked.place, rules=rules)
    return tuple(finding for finding in found if asked.lang in ("", finding.lang))


# -- writing -----------------------------------------------------------------------------------------------------------


async def keep_draft(call: Call) -> Answer:
    """Keep a wording that nobody sees yet, in place of the one before."""
    asked: DraftRequest = call.body
    caller, kit, idem = call.known(), call.desk.kit, key_of(call)
    workspace, name = await _now(call), call.params["notice"]
    if bool(asked.text.strip()) == bool(asked.starter):
        raise InvalidRequest("Send a text, or the name of a starter.", param="text")
    text = asked.text
    if asked.starter:
        text = starter_for(asked.lang).text(asked.starter, workspace.name, asked.privacy or workspace.privacy)

    def work(tx: Tx) -> Answer:
        kept = notices.draft(tx, kit, workspace, name, asked.lang, text, purposes=asked.purposes,
                             senders=asked.senders, author=caller.key.id)
        found = linting.look(workspace, kept.text, kept.lang, purposes=kept.purposes)
        return answer(200, DraftKept(draft=kept, findings=list(found)))

    return await call.desk.write(lambda tx: once(tx, kit, call, idem, work))


async def discard_draft(call: Call) -> Answer:
    """Throw drafts away; what is in force stays."""
    asked: DiscardRequest = call.body
    kit, idem, workspace, name = call.desk.kit, key_of(call), await _now(call), call.params["notice"]

    def work(tx: Tx) -> Answer:
        return answer(200, Discarded(discarded=notices.discard(tx, workspace, name, asked.lang)))

    return await call.desk.write(lambda tx: once(tx, kit, call, idem, work))


async def publish(call: Call) -> Answer:
    """Put the drafts in force as the next version, for ever. Other processes show it within two seconds."""
    asked: PublishRequest = call.body
    caller, kit, idem = call.known(), call.desk.kit, key_of(call)
    name = call.params["notice"]

    def work(tx: Tx) -> Answer:
        done = notices.publish(tx, kit, caller.workspace, name, reason=asked.reason, author=caller.key.id,
                                          templates=asked.templates)
        return answer(201, done)

    told = await call.desk.write(lambda tx: once(tx, kit, call, idem, work))
    await call.desk.away(call.desk.system.directory.refresh)
    return told


async def retire(call: Call) -> Answer:
    """Take a notice out of force that was published by command or API and that no entry point shows."""
    kit, workspace, name = call.desk.kit, await _now(call), call.params["notice"]
    await call.desk.write(lambda tx: notices.retire(tx, kit, workspace, name))
    await call.desk.away(call.desk.system.directory.refresh)
    return answer(200, Retired(notice=name))
