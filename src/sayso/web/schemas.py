"""The shapes of requests and answers. They check what comes in, fill `/openapi.json`, and are the API's words.

Rules of the room: an unknown field is refused, every text and list has a bound, and no item of a bulk list is
matched against a pattern. Times are microseconds UTC.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from sayso.core.gate import Verdict
from sayso.flows.opt_out import Confirmation
from sayso.flows.permits import Permit

#: Most addresses in one bulk check.
MAX_BULK: Final = 10_000
#: Most events on one page, and how many there are when nobody says.
MAX_PAGE: Final = 1_000
PAGE: Final = 100
#: Most contacts a send response can name: a phone, a user id and a parent user id, in two spellings.
MAX_CONTACTS: Final = 6
#: The greatest leaf index a cursor can name: 64 bits, signed.
MAX_CURSOR: Final = 2**63 - 1
#: How late after its redeem a write can be reported, microseconds: a day.
MAX_OFFSET: Final = 24 * 3600 * 1_000_000

Address = Annotated[str, Meta(min_length=1, max_length=160, description="A phone number with its country code, or a "
                              "WhatsApp user id.", examples=["+447700900123"])]
Name = Annotated[str, Meta(max_length=64)]
Purpose = Annotated[str, Meta(min_length=1, max_length=64, examples=["offers"])]
EventId = Annotated[str, Meta(pattern=r"^evt_[0-9A-Z]{26}$")]
Text = Annotated[str, Meta(max_length=1024)]
Micros = Annotated[int, Meta(description="Microseconds UTC.")]
Decision = Literal["allow", "deny", "wait"]


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parent of all requests."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """The parent of all answers."""


# -- the gate ----------------------------------------------------------------------------------------------------------


class CheckRequest(Request, frozen=True, kw_only=True):
    """May this be sent? `sender` may be left out where there is one. `free_form`: a message that is no template."""

    address: Address
    purpose: Purpose
    sender: Name = ""
    free_form: bool = False


class Said(Reply, frozen=True, kw_only=True, omit_defaults=True):
    """The gate's answer: `because` is the event it rests on, `until` goes with `wait`."""

    verdict: Decision
    reason: str
    sentence: str
    epoch: int
    because: str = ""
    until: Micros = 0


class Checked(Said, frozen=True, kw_only=True, omit_defaults=True):
    """A check is advisory (grade Filter): only as fresh as the asking."""

    grade: Literal["filter"]


def said(verdict: Verdict) -> Said:
    """A verdict as the API shows it."""
    return Said(verdict=verdict.verdict, reason=verdict.reason, sentence=verdict.sentence, epoch=verdict.epoch,
                because=verdict.because, until=verdict.until)


class BulkRequest(Request, frozen=True, kw_only=True):
    """Up to 10,000 addresses and one question."""

    addresses: Annotated[list[str], Meta(max_length=MAX_BULK)]
    purpose: Purpose
    sender: Name = ""


class BulkResult(Reply, frozen=True, kw_only=True, omit_defaults=True):
    """One line for each address, in the order given and spelt as given."""

    address: str
    verdict: Decision
    reason: str
    until: Micros = 0


class Counts(Reply, frozen=True, kw_only=True):
    """How many of each."""

    allow: int
    deny: int
    wait: int


class BulkChecked(Reply, frozen=True, kw_only=True):
    """`position` is how many events the ledger held when the work began: the answers are at least as fresh."""

    results: list[BulkResult]
    counts: Counts
    position: int
    grade: Literal["filter"]


class PermitIssued(Reply, frozen=True, kw_only=True):
    """`permit` is null unless the verdict is allow."""

    permit: Permit | None
    verdict: Said


class PermitRedeemed(Reply, frozen=True, kw_only=True, omit_defaults=True):
    """The write must begin within `budget_us` of the moment the redeem was asked for, by a clock that only moves
    forward; `not_after` is the same deadline by the database's clock. `verdict` stands where it is not redeemed.
    """

    redeemed: bool
    not_after: Micros = 0
    budget_us: int = 0
    verdict: Said | None = None


class DoneRequest(Request, frozen=True, kw_only=True):
    """What became of a redeemed permit. `offset_us`: how long after asking for the redeem the write began.
    `contacts`: the addresses the provider's answer names.
    """

    outcome: Literal["sent", "failed", "possibly_sent", "aborted"]
    message_id: Annotated[str, Meta(max_length=512)] = ""
    offset_us: Annotated[int, Meta(ge=0, le=MAX_OFFSET)] = 0
    contacts: Annotated[tuple[Address, ...], Meta(max_length=MAX_CONTACTS)] = ()


class PermitDone(Reply, frozen=True, kw_only=True):
    """`breach_suspected`: the write began after its deadline; an incident was recorded."""

    breach_suspected: bool


# -- coming and going --------------------------------------------------------------------------------------------------


class Evidence(Request, frozen=True, kw_only=True):
    """What shows that the person did this: at least one of them for an opt-in."""

    page: Text = ""
    ip: Text = ""
    user_agent: Text = ""
    form: Text = ""
    clerk: Text = ""
    note: Text = ""

    def given(self) -> dict[str, str]:
        """Those that say something."""
        return {name: value for name, value in msgspec.structs.asdict(self).items() if value.strip()}


class OptInRequest(Request, frozen=True, kw_only=True):
    """Begin a double opt-in. It grants nothing: the person is asked."""

    address: Address
    entry: Annotated[str, Meta(min_length=1, max_length=64, examples=["website"])]
    evidence: Evidence = Evidence()
    language: Annotated[str, Meta(max_length=35)] = ""


class OptInBegun(Reply, frozen=True, kw_only=True):
    """`granted`: nothing was asked, the yes stands. `withdrawn`: nothing may be asked, the person said stop.
    `chat_link` lets the person begin the chat themselves.
    """

    state: Literal["pending", "granted", "withdrawn"]
    person: str
    request: str
    chat_link: str


class OptOutRequest(Request, frozen=True, kw_only=True):
    """A stop. What is left out is everything. With `wait` the answer comes after the drain, or after 2.6 s."""

    address: Address
    purpose: Purpose = "*"
    sender: Annotated[str, Meta(min_length=1, max_length=64)] = "*"
    cls: Name = msgspec.field(name="class", default="*")
    evidence: Evidence = Evidence()
    wait: bool = True


class OptOutRecorded(Reply, frozen=True, kw_only=True):
    """`acknowledged`: recorded, and nothing can leave any more. `recorded`: on disk, and nothing leaves after
    `silent_by`. `changed`: was it news. `confirmation`: will the person be told, and if not, why not.
    """

    state: Literal["acknowledged", "recorded"]
    event: str
    person: str
    changed: bool
    silent_by: Micros
    confirmation: Confirmation


# -- looking -----------------------------------------------------------------------------------------------------------


class LookupRequest(Request, frozen=True, kw_only=True):
    """Whose record."""

    address: Address


class CellState(Reply, frozen=True, kw_only=True, omit_defaults=True):
    """Where the person stands for one purpose and sender."""

    purpose: str
    sender: str
    cls: str = msgspec.field(name="class")
    state: Literal["unknown", "pending", "granted", "withdrawn", "expired"]
    since: Micros = 0
    expires_at: Micros = 0


class MarkShown(Reply, frozen=True, kw_only=True, omit_defaults=True):
    """A stop, hold or pause, and the cells it covers; `*` is every one."""

    purpose: str
    sender: str
    cls: str = msgspec.field(name="class")
    at: Micros
    event: str
    until: Micros = 0


class Window(Reply, frozen=True, kw_only=True):
    """When the person last wrote to a sender; free-form replies are allowed for 24 hours from then."""

    sender: str
    opened_at: Micros


class EventShown(Reply, frozen=True, kw_only=True):
    """A fact, without its evidence. `leaf_index` is null until the ledger has it."""

    id: str
    type: str
    sentence: str
    person: str | None
    cells: list[list[str]]
    occurred_at: Micros
    received_at: Micros
    clock: str
    cause: str | None
    facts: dict[str, str | int | bool]
    leaf_index: int | None
    leaf_hash: str


class PersonShown(Reply, frozen=True, kw_only=True):
    """A person's record. `history` holds the newest facts, oldest first."""

    person: str
    language: str
    epoch: int
    cells: list[CellState]
    stops: list[MarkShown]
    native: list[MarkShown]
    holds: list[MarkShown]
    pauses: list[MarkShown]
    windows: list[Window]
    history: list[EventShown]


class EventsQuery(Request, frozen=True, kw_only=True):
    """A page of the ledger: what comes after this leaf index, oldest first."""

    after: Annotated[int, Meta(ge=-1, le=MAX_CURSOR)] = -1
    limit: Annotated[int, Meta(ge=1, le=MAX_PAGE)] = PAGE


class EventsPage(Reply, frozen=True, kw_only=True):
    """Pages are stable: new facts only come after. `next_cursor` is the next page's `after`."""

    data: list[EventShown]
    next_cursor: int
    has_more: bool


class ReceiptRequest(Request, frozen=True, kw_only=True):
    """The newest yes of an address (for one purpose), or the yes of this event id."""

    address: Annotated[str, Meta(max_length=160)] = ""
    purpose: Name = ""
    event: EventId | None = None


class ReceiptShown(Reply, frozen=True, kw_only=True):
    """A proof that a stranger can check without Sayso."""

    format: str
    issued_at: Micros
    record: dict[str, Any]
    events: list[dict[str, Any]]
    checkpoint: str
    key: str


class Owed(Reply, frozen=True, kw_only=True):
    """A row of the outbox: what Sayso itself owes the world."""

    id: str
    kind: str
    sender: str
    answers: str
    state: str
    run_at: Micros
    attempts: int
    problem: str
    created_at: Micros


class Outbox(Reply, frozen=True, kw_only=True):
    """The newest rows."""

    data: list[Owed]


class Unused(Reply, frozen=True, kw_only=True):
    """A webhook item nobody could use, and why."""

    id: str
    connection: str
    reason: str
    field: str
    received_at: Micros


class UnusedItems(Reply, frozen=True, kw_only=True):
    """The newest items, and how many there are."""

    data: list[Unused]
    count: int


class Alive(Reply, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["ok"]


class Ready(Reply, frozen=True, kw_only=True):
    """The process can record. `unreadable_workspaces` need `sayso init` again; the others work."""

    status: Literal["ready"]
    store: str
    unreadable_workspaces: int
