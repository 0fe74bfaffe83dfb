"""A business in a test: what people do to it, what it does, and what is so, in one word each.

The clock is moved by the test, the wire records and can fail. `tests/stores.py` puts it together as fixtures.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sayso.channels.base import (
    Inbound,
    InboundButton,
    InboundOther,
    InboundText,
    NativePreference,
    NumberChanged,
    Outbound,
    OutButtons,
    Sent,
    StatusUpdate,
)
from sayso.core.gate import Verdict
from sayso.core.identity import Address
from sayso.core.lifecycle import Standing, decode
from sayso.core.purposes import EVERYTHING, Cell
from sayso.core.workspace import Connection, Sender, Workspace, make_code
from sayso.errors import SaysoError
from sayso.flows import inbound, opt_out, people, permits, proof, verify
from sayso.flows.inbound import Received
from sayso.flows.kit import Kit
from sayso.flows.opt_out import OptedOut
from sayso.flows.permits import Permit, Redeemed
from sayso.flows.verify import Report
from sayso.ports import SECOND
from sayso.store.base import Store
from sayso.wiring import System
from sayso.worker.run import Worker
from tests.cast import Player

#: A Tuesday morning, in microseconds.
START = 1_790_000_000 * SECOND
NUMBER_ID = "106540352242922"
SECOND_NUMBER_ID = "106540352242923"
OTHER_NUMBER_ID = "206540352242922"
CODE = make_code(bytes(range(7)))

NOTICE = "May Acme send you offers here, at most four a month? It is free and voluntary. Send STOP to leave."


@dataclass(slots=True)
class HandClock:
    """A clock that a test moves. Safe to share between threads."""

    time: int = START
    passed: int = 0

    def now(self) -> int:
        return self.time

    def steady(self) -> int:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.go(seconds)

    def go(self, seconds: float) -> None:
        """Let time pass."""
        self.time += int(seconds * SECOND)
        self.passed += int(seconds * SECOND)


@dataclass(frozen=True, slots=True)
class Letter:
    """What was handed to the provider."""

    message_id: str
    sender: str
    to: Address
    message: Outbound

    @property
    def body(self) -> str:
        return str(getattr(self.message, "body", ""))

    @property
    def asks(self) -> bool:
        """True for a message with buttons."""
        return bool(getattr(self.message, "buttons", ()))

    def button(self, place: int) -> str:
        """The payload of one of its buttons."""
        if isinstance(self.message, OutButtons):
            return self.message.buttons[place][0]
        return str(getattr(self.message, "buttons", ())[place])


@dataclass(slots=True)
class Wire:
    """Stands for the provider. `fail` holds what the next calls raise instead of sending; `slow` waits after the
    last look, `contacts` is what the answer says of the recipient.
    """

    letters: list[Letter] = field(default_factory=list)
    fail: list[SaysoError | None] = field(default_factory=list)
    contacts: tuple[Address, ...] = ()
    before: Callable[[], None] | None = None
    after_look: Callable[[], None] | None = None
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def send(self, workspace: Workspace, sender: Sender, to: Address, message: Outbound, tag: str,
             before_write: Callable[[], None]) -> Sent:
        if self.before is not None:
            self.before()
        with self._lock:
            problem = self.fail.pop(0) if self.fail else None
        if problem is not None:
            raise problem
        before_write()
        if self.after_look is not None:
            self.after_look()
        with self._lock:
            message_id = f"wamid.{sender.phone_number_id}.{next(self._numbers)}"
            self.letters.append(Letter(message_id, sender.name, to, message))
        return Sent(message_id, self.contacts, "accepted")

    @property
    def last(self) -> Letter:
        return self.letters[-1]


def declaration(slug: str = "acme", number_id: str = NUMBER_ID, **edits: Any) -> dict[str, Any]:
    """What a sayso.toml would say, as TOML decodes."""
    named = ("app_secret", "verify_token", "access_token")
    secret = {name: {"env": f"{slug.upper()}_{name.upper()}"} for name in named}
    whole: dict[str, Any] = {
        "workspace": {"slug": slug, "name": "Acme", "language": "en", "country": "GB"},
        "connections": {"main": {"provider": "meta", **secret}},
        "senders": {
            "shop": {"connection": "main", "phone_number_id": number_id, "phone": "+447700900100", "start": "join"},
            "desk": {"connection": "main", "phone_number_id": number_id[:-1] + "3", "phone": "+447700900101"},
        },
        "purposes": {
            "offers": {"class": "marketing", "title": "offers and news"},
            "orders": {"class": "utility", "title": "news about your orders"},
            "support": {"class": "service", "title": "answers to your questions"},
            "trial": {"class": "marketing", "title": "a trial", "expires_days": 30},
        },
        "notices": {
            "join": {"version": 1, "purposes": ["offers"], "senders": ["shop"], "text": {"en": NOTICE},
                     "templates": {"en": {"name": "sayso_optin", "language": "en"}}},
            "both": {"version": 1, "purposes": ["offers", "orders"], "senders": ["shop"],
                     "text": {"en": f"Both. {NOTICE}"}},
            "trial": {"version": 1, "purposes": ["trial"], "senders": ["shop"], "text": {"en": f"Trial. {NOTICE}"}},
        },
        "entry_points": {
            "join": {"kind": "keyword", "keywords": ["JOIN"], "notice": "join", "sender": "shop"},
            "all": {"kind": "keyword", "keywords": ["JOIN ALL"], "notice": "both", "sender": "shop"},
            "trial": {"kind": "keyword", "keywords": ["TRIAL"], "notice": "trial", "sender": "shop"},
            "poster": {"kind": "phrase", "phrase": "Hi Acme", "code": CODE, "notice": "join", "sender": "shop"},
            "website": {"kind": "api", "notice": "join", "sender": "shop"},
            "bare": {"kind": "api", "notice": "both", "sender": "shop"},
        },
    }
    return whole | edits


@dataclass(slots=True)
class World:
    """One business, with what people do to it. Each act happens one second after the one before."""

    system: System
    clock: HandClock
    wire: Wire
    workspace: Workspace
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def store(self) -> Store:
        return self.system.store

    @property
    def kit(self) -> Kit:
        return self.system.kit

    @property
    def connection(self) -> Connection:
        return self.workspace.connections["main"]

    # -- what people do ------------------------------------------------------------------------------------------------

    def stamp(self, at: int | None = None) -> int:
        """A provider's time: whole seconds. Without `at`, a second after the last act."""
        if at is None:
            self.clock.go(1)
            at = self.clock.time
        return at // SECOND * SECOND

    def fresh(self) -> str:
        """A provider message id nobody used."""
        return f"wamid.in.{self.workspace.slug}.{next(self._ids)}"

    def deliver(self, *items: Inbound, raw: bytes = b"{}") -> Received:
        """One verified envelope."""
        return self.store.write(
            lambda tx: inbound.receive(tx, self.kit, self.workspace, self.connection, items, raw))

    def text(self, who: Player, words: str, *, at: int | None = None, message_id: str = "", sender: str = "shop",
             addresses: Sequence[Address] | None = None, **flags: Any) -> InboundText:
        """A typed message, not yet delivered."""
        message_id = message_id or self.fresh()
        return InboundText(
            sender_ref=self.workspace.senders[sender].phone_number_id, key=("message", message_id), at=self.stamp(at),
            addresses=tuple(who.addresses if addresses is None else addresses), message_id=message_id, text=words,
            **flags)

    def say(self, who: Player, words: str, **flags: Any) -> Received:
        return self.deliver(self.text(who, words, **flags))

    def tap(self, who: Player, payload: str, label: str = "Yes, I agree", *, at: int | None = None,
            message_id: str = "", sender: str = "shop", context_id: str | None = None) -> Received:
        message_id = message_id or self.fresh()
        return self.deliver(InboundButton(
            sender_ref=self.workspace.senders[sender].phone_number_id, key=("message", message_id), at=self.stamp(at),
            addresses=who.addresses, message_id=message_id, kind="button", payload=payload, label=label,
            context_id=context_id))

    def show(self, who: Player, kind: str = "image", *, at: int | None = None) -> Received:
        message_id = self.fresh()
        return self.deliver(InboundOther(
            sender_ref=self.workspace.senders["shop"].phone_number_id, key=("message", message_id), at=self.stamp(at),
            addresses=who.addresses, message_id=message_id, kind=kind))

    def native(self, who: Player, value: str, *, at: int | None = None, sender: str = "shop") -> Received:
        at = self.stamp(at)
        return self.deliver(NativePreference(
            sender_ref=self.workspace.senders[sender].phone_number_id, key=("preference", who.name, value, str(at)),
            at=at, addresses=who.addresses, value=value, category="marketing_messages"))

    def moved(self, old: Sequence[Address], new: Sequence[Address], *, at: int | None = None) -> Received:
        at, message_id = self.stamp(at), self.fresh()
        return self.deliver(NumberChanged(
            sender_ref=self.workspace.senders["shop"].phone_number_id, key=("system", message_id), at=at,
            addresses=tuple(old), old=tuple(old), new=tuple(new), message_id=message_id))

    def status(self, message_id: str, status: str = "failed", *codes: int, addresses: Sequence[Address] = (),
               at: int | None = None) -> Received:
        return self.deliver(StatusUpdate(
            sender_ref=self.workspace.senders["shop"].phone_number_id,
            key=("status", message_id, status, *map(str, codes)), at=self.stamp(at), addresses=tuple(addresses),
            message_id=message_id, status=status, errors=tuple((code, "") for code in codes)))

    # -- what the business does ----------------------------------------------------------------------------------------

    def cell(self, purpose: str = "offers", sender: str = "shop") -> Cell:
        return self.workspace.cell(purpose, sender)

    def check(self, who: Player | Address, purpose: str = "offers", sender: str = "shop", *,
              free_form: bool = False) -> Verdict:
        address = who.address if isinstance(who, Player) else who
        return self.store.read(lambda tx: permits.check(tx, self.kit, self.workspace, address,
                                                        self.cell(purpose, sender), free_form=free_form))

    def permit(self, who: Player, purpose: str = "offers") -> Permit:
        """A permit that must be given."""
        verdict, permit = self.store.write(lambda tx: permits.issue(tx, self.kit, self.workspace, who.address,
                                                                    self.cell(purpose)))
        assert permit is not None, verdict.reason
        return permit

    def redeem(self, permit: str) -> Redeemed | Verdict:
        return self.store.write(lambda tx: permits.redeem(tx, self.kit, self.workspace.id, permit))

    def done(self, permit: str, outcome: permits.Outcome = "sent", **more: Any) -> bool:
        return self.store.write(lambda tx: permits.done(tx, self.kit, self.workspace, permit, outcome, **more))

    def opt_out(self, who: Player | Address, cell: Cell = EVERYTHING) -> OptedOut:
        """An opt-out through the API."""
        address = who.address if isinstance(who, Player) else who
        return self.store.write(lambda tx: opt_out.opt_out(tx, self.kit, self.workspace, address, cell, how="api",
                                                           evidence={"note": "asked by phone"}))

    def worker(self) -> Worker:
        return Worker(self.store, self.kit, self.system.directory.all, self.system.directory.by_id, self.wire.send,
                      senders=1)

    def work(self) -> list[Letter]:
        """Let a worker do all that is due; what it handed to the provider."""
        before = len(self.wire.letters)
        self.worker().settle()
        return self.wire.letters[before:]

    def join(self, who: Player, word: str = "JOIN") -> None:
        """The whole double opt-in: the word, the question, the tap, the welcome."""
        self.say(who, word)
        self.tap(who, self.question().button(0))
        self.work()

    def question(self) -> Letter:
        """Work, and take the newest message with buttons that this handed over."""
        return [letter for letter in self.work() if letter.asks][-1]

    # -- what is so ----------------------------------------------------------------------------------------------------

    def person(self, who: Player | Address) -> str:
        """The person's id."""
        address = who.address if isinstance(who, Player) else who
        row = self.store.read(lambda tx: people.look_up(tx, self.kit, self.workspace.id, address))
        assert row is not None
        return str(row[0])

    def standing(self, who: Player | Address) -> Standing:
        address = who.address if isinstance(who, Player) else who
        row = self.store.read(lambda tx: people.look_up(tx, self.kit, self.workspace.id, address))
        assert row is not None
        return decode(bytes(row[2]))

    def history(self, who: Player | Address) -> list[dict[str, Any]]:
        address = who.address if isinstance(who, Player) else who
        return self.store.read(lambda tx: proof.history(tx, self.kit, self.workspace.id, address, texts=True))

    def types(self, who: Player | Address) -> list[str]:
        """The kinds of facts recorded of a person, oldest first."""
        return [line["type"] for line in self.history(who)]

    def said(self, who: Player | Address) -> list[str]:
        """The kinds of facts by the provider's clock: what the person did, oldest first."""
        return [line["type"] for line in self.history(who)
                if line["clock"] == "meta" and line["type"] != "address_linked"]

    def unhandled(self) -> list[str]:
        """Why items could not be used."""
        rows = self.store.read(lambda tx: tx.rows("unhandled_items", ws=self.workspace.id, limit=100))
        return [row[2] for row in rows]

    def outbox(self) -> list[tuple[str, str, str]]:
        """(kind, state, problem) of every row."""
        rows = self.store.read(lambda tx: tx.rows("outbox_list", ws=self.workspace.id, limit=1000))
        return sorted((row[1], row[4], row[7]) for row in rows)

    def verify(self) -> Report:
        return self.store.snapshot(lambda tx: verify.verify(tx, self.kit, self.workspace.id))

    def sound(self) -> bool:
        """Everything stored fits the ledger."""
        self.work()
        report = self.verify()
        assert report.problems == []
        return report.events > 0
