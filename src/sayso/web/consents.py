"""Yeses given elsewhere, over HTTP: what a clerk wrote down or a program brings, with its proof; and the imports.

Rules of the room: as in api.py, a handler calls one flow and decides nothing. Whether such a yes grants is the
workspace's policy, and no answer tells a caller more than where the person stands.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from sayso.core.purposes import Cell
from sayso.core.workspace import Workspace
from sayso.errors import InvalidRequest
from sayso.flows import elsewhere, imports
from sayso.flows.elsewhere import Proof
from sayso.store.base import Tx
from sayso.web.api import address_of
from sayso.web.call import Answer, Call, answer
from sayso.web.idempotency import key_of, once
from sayso.web.schemas import Address, Micros, Name, Purpose, Reply, Request, Text

#: A document of 10 MB in base64, and the rest of the request.
MAX_BODY: Final = 14 * 1024 * 1024
#: Imports shown, newest first.
SHOWN: Final = 100


class Document(Request, frozen=True, kw_only=True):
    """A scan of a signed form, or what else shows it; `content` is base64."""

    name: Annotated[str, Meta(min_length=1, max_length=elsewhere.MAX_NAME)]
    media_type: Annotated[str, Meta(max_length=100)] = "application/octet-stream"
    content: bytes


class GivenElsewhere(Request, frozen=True, kw_only=True):
    """What proves it. `source`: where the yes was given. `given_at`: when. With the wording that was shown or read
    out (an entry point has one), or a document that shows it. `clerk`: who wrote it down.
    """

    source: Annotated[str, Meta(min_length=1, max_length=512, examples=["counter of the Leeds shop"])]
    given_at: Annotated[int, Meta(gt=0, le=2**62, description="Microseconds UTC.")]
    wording: Annotated[str, Meta(max_length=4096)] = ""
    clerk: Text = ""


class ConsentRequest(Request, frozen=True, kw_only=True):
    """A yes given elsewhere: for an entry point of kind `clerk`, or for purposes and a sender. `via` says who brings
    it, a clerk or a program; it grants only if the policy lets that source grant.
    """

    address: Address
    via: Literal["clerk", "api"] = "api"
    entry: Name = ""
    purposes: Annotated[tuple[Purpose, ...], Meta(max_length=32)] = ()
    sender: Name = ""
    language: Annotated[str, Meta(max_length=35)] = ""
    evidence: GivenElsewhere
    document: Document | None = None


class ConsentRecorded(Reply, frozen=True, kw_only=True):
    """`state` is where the person stands now, the least of what was named; `grants` says whether a yes from this
    source can grant here at all. `event` is empty where nothing was recorded: the person was erased, with a no.
    """

    state: Literal["granted", "unknown", "pending", "withdrawn", "expired"]
    person: str
    event: str
    grants: bool


class ImportShown(Reply, frozen=True, kw_only=True):
    """An import: `position` is the last row done, or while it is undone the next to undo."""

    id: str
    file: str
    file_hash: str
    state: Literal["running", "done", "undoing", "undone"]
    position: int
    granted: int
    unknown: int
    kept_no: int
    refused: int
    started_at: Micros
    ended_at: Micros | None


class Imports(Reply, frozen=True, kw_only=True):
    """The newest imports."""

    data: list[ImportShown]


async def record_consent(call: Call) -> Answer:
    """Record a yes given elsewhere. Raises EvidenceMissing, UnknownEntry, UnknownPurpose, UnknownSender."""
    asked: ConsentRequest = call.body
    caller, kit, idem = call.known(), call.desk.kit, key_of(call)
    workspace, given, paper = caller.workspace, asked.evidence, asked.document
    address = address_of(caller, asked.address, "address")
    cells, read_out, more = _named(workspace, asked)
    # The flow itself looks at the proof; only the document must be kept before its hash can be named.
    whole = Proof(given.source, given.given_at, given.wording, "" if given.wording else read_out, clerk=given.clerk)

    def work(tx: Tx) -> Answer:
        proof = whole
        if paper is not None:
            kept = elsewhere.keep_document(tx, kit, workspace.id, paper.name, paper.media_type, paper.content)
            proof = msgspec.structs.replace(whole, document=kept)
        told = elsewhere.record(tx, kit, workspace, address, cells, proof, source=asked.via, more=more,
                                lang=asked.language)
        return answer(201 if told.event else 200, ConsentRecorded(state=told.state, person=told.person,
                                                                  event=told.event, grants=told.grants))

    return await call.desk.write(lambda tx: once(tx, kit, call, idem, work))


def _named(workspace: Workspace, asked: ConsentRequest) -> tuple[tuple[Cell, ...], str, dict[str, str | int | bool]]:
    """What the yes covers: an entry point's notice, or the purposes named."""
    if not asked.entry:
        if not asked.purposes:
            raise InvalidRequest("Name an entry point or the purposes.", param="purposes")
        return tuple(dict.fromkeys(workspace.cell(name, asked.sender) for name in asked.purposes)), "", {}
    if asked.purposes or asked.sender:
        raise InvalidRequest("An entry point names purposes and sender itself.", param="purposes")
    entry = workspace.entry(asked.entry)
    if entry.kind != "clerk":
        raise InvalidRequest("Only an entry point of kind clerk can be written down for somebody.", param="entry")
    return elsewhere.of_entry(workspace, entry, asked.language)


async def show_imports(call: Call) -> Answer:
    """The newest imports, with what became of their rows."""
    ws = call.known().workspace.id
    found = await call.desk.read(lambda tx: imports.newest(tx, ws, SHOWN))
    return answer(200, Imports(data=[
        ImportShown(id=one.id, file=one.plan.name, file_hash=one.file_hash, state=one.state, position=one.position,
                    granted=one.counts.granted, unknown=one.counts.unknown, kept_no=one.counts.kept_no,
                    refused=one.counts.refused, started_at=one.started_at, ended_at=one.ended_at or None)
        for one in found]))
