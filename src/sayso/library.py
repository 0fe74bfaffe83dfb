"""The library: Sayso inside any synchronous program, such as a Django view, a script or a Celery task.

    with Sayso("sayso.db", config="sayso.toml") as sayso:
        with sayso.sending("+447700900123", "offers") as permit:
            if permit:
                permit.done(my_client.send(...))

Rules of the room: a denial is a value, an unreachable store is an error (Unavailable), and nothing here allows by
default. Objects are safe to share between threads. Times are microseconds UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeVar

from sayso.core import identity
from sayso.core.gate import Verdict
from sayso.core.identity import Address
from sayso.core.purposes import ANY
from sayso.core.workspace import Workspace
from sayso.errors import InvalidAddress, InvalidRequest, NotFound, PermitExpired, PermitStale, Unavailable
from sayso.flows import export, inbound, ledger, links, opt_in, opt_out, permits, proof, verify
from sayso.flows.bulk import check_many
from sayso.flows.inbound import Received
from sayso.flows.opt_in import EVIDENCE_FIELDS, Asked
from sayso.flows.opt_out import Confirmation
from sayso.flows.permits import LEASE, Outcome
from sayso.flows.proof import NotYetInLedger
from sayso.ports import Ports
from sayso.settings import environment_of, read_settings
from sayso.store.base import Tx
from sayso.wiring import System, open_system

if TYPE_CHECKING:
    from sayso.flows.rights import Erased
    from sayso.worker.run import Worker

__all__ = ["Asked", "Permit", "Sayso", "Stopped", "Verdict"]

#: How long `opt_out` waits for what is under way: the two seconds of a lease, its margin, and a little more.
ACKNOWLEDGE_WITHIN: Final = 2_600_000
#: How often it looks, seconds.
DRAIN_LOOK_S: Final = 0.02
#: Addresses `check_many` asks about in one read transaction.
CHUNK: Final = 1_000
#: The answer about something that is no address.
NO_ADDRESS: Final = Verdict("deny", InvalidAddress.code, f"{InvalidAddress.title}.")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Stopped:
    """A recorded opt-out. `acknowledged`: nothing can follow it any more. `recorded`: it will hold from `silent_by`
    (microseconds UTC) at the latest, when the last message already under way has left or lost its right to.
    `confirmation` says whether the person will be told.
    """

    state: Literal["acknowledged", "recorded"]
    event: str
    person: str
    changed: bool
    silent_by: int
    confirmation: Confirmation = "said_before"


class Permit:
    """The right to send one message once, already redeemed; false when it was denied, and `verdict` says why.

    Send at once: the write is taken to begin when the `with` body is entered. If you do slow work first, call
    `about_to_send()` right before the request. Afterwards say `done(message_id)` or `failed()`.
    """

    def __init__(self, owner: Sayso, verdict: Verdict, permit_id: str = "", asked_at: int = 0) -> None:
        self._owner = owner
        self._asked_at = asked_at  # steady clock, read before the redeem was asked for
        self._began_at = owner.steady()
        self._late = self._settled = False
        self.verdict = verdict
        self.id = permit_id

    def __bool__(self) -> bool:
        return bool(self.id)

    def about_to_send(self) -> None:
        """Call this right before the request. Raises PermitExpired two seconds after the permit was redeemed: then
        send nothing and ask again.
        """
        self._needed()
        self._began_at = self._owner.steady()
        if self._began_at - self._asked_at > LEASE:
            self._late = True
            raise PermitExpired("The write would begin after the permit's deadline; nothing was sent. Ask again.")

    def done(self, message_id: str = "", contacts: Iterable[str] = ()) -> bool:
        """It was sent. `contacts` are the addresses the provider's answer names for the recipient (Meta: `wa_id` and
        `user_id`), which are linked to the person. True if a breach is suspected: the write began too late.
        """
        return self._report("sent", message_id, contacts)

    def failed(self) -> None:
        """It was surely not sent: the provider refused, or could not be reached at all."""
        self._report("failed")

    def leave(self) -> None:
        """What the end of the `with` block does: without `done` or `failed`, nobody knows whether it was sent."""
        if self.id and not self._settled:
            self._report("aborted" if self._late else "possibly_sent")

    def _needed(self) -> None:
        if not self.id:
            raise InvalidRequest("This permit was denied; nothing may be sent by it.", param="permit")

    def _report(self, outcome: Outcome, message_id: str = "", contacts: Iterable[str] = ()) -> bool:
        self._needed()
        known = [_contact(text) for text in contacts]
        breach = self._owner.report(self.id, outcome, message_id, known, self._began_at - self._asked_at)
        self._settled = True
        return breach


class Sayso:
    """One workspace of one database. Close it, or use it as a context manager.

    `database`: a path for SQLite or a postgresql:// URL. `config`: a sayso.toml, or a mapping of the same shape, which
    is applied; without one the database must have been set up before. `keys`: the key file, made on first use.
    `workspace`: a slug, needed only where there are several. What is left out is taken from the SAYSO_* environment.
    Raises ConfigError, KeyProblem, SchemaTooNew, Unavailable.
    """

    def __init__(self, database: str | Path = "", *, config: str | Path | Mapping[str, Any] | None = None,
                 keys: str | Path = "", workspace: str = "", ports: Ports | None = None) -> None:
        settings = read_settings(environment_of(str(database), str(keys), workspace))
        self._system = open_system(settings, ports=ports)
        self._slug = settings.workspace
        try:
            if config is not None:
                applied = self._system.apply(Path(config) if isinstance(config, str) else config)
                self._slug = self._slug or applied.workspace.slug
            self._slug = self.workspace.slug
        except BaseException:
            self._system.close()
            raise

    @classmethod
    def over(cls, system: System, workspace: str = "") -> Self:
        """The same over a system that is open already. Closing it closes the system. Raises ConfigError."""
        self = cls.__new__(cls)
        self._system, self._slug = system, system.workspace(workspace).slug
        return self

    @property
    def system(self) -> System:
        """The parts behind it, for what the library has no word for."""
        return self._system

    @property
    def workspace(self) -> Workspace:
        """The workspace as it is declared now."""
        return self._system.workspace(self._slug)

    # -- asking the gate -----------------------------------------------------------------------------------------------

    def check(self, address: str, purpose: str, sender: str | None = None, *, free_form: bool = False) -> Verdict:
        """May I? The verdict is true only for allow. Advisory: good for lists and screens; to send, use `sending`.

        `free_form` is a message that is no template. Raises InvalidAddress, UnknownPurpose, UnknownSender, Unavailable.
        """
        workspace, kit = self.workspace, self._system.kit
        cell, who = workspace.cell(purpose, sender or ""), self._address(address, fast=True)
        return self._read(lambda tx: permits.check(tx, kit, workspace, who, cell, free_form=free_form))

    def check_many(self, addresses: Iterable[str], purpose: str, sender: str | None = None) -> list[Verdict]:
        """One verdict for each address, in the same order. What is no address is a deny with reason
        `invalid_address`, and its neighbours are not affected.
        """
        workspace, kit = self.workspace, self._system.kit
        cell, region = workspace.cell(purpose, sender or ""), workspace.country or None
        verdicts: list[Verdict] = []
        rest = iter(addresses)
        while chunk := list(islice(rest, CHUNK)):
            known = [_address_or_none(text, region) for text in chunk]
            readable = [one for one in known if one]
            found = iter(self._read(partial(check_many, kit=kit, workspace=workspace, addresses=readable, cell=cell)))
            verdicts += [next(found) if one else NO_ADDRESS for one in known]
        return verdicts

    @contextmanager
    def sending(self, address: str, purpose: str, sender: str | None = None, *,
                free_form: bool = False) -> Iterator[Permit]:
        """The right to send one message, for the length of a `with` block.

        Leaving the block without `done` or `failed`, or by an exception, is reported as possibly sent. Raises as
        `check`, and PermitStale or PermitExpired if the record moves or the store stalls twice in a row.
        """
        permit = self._redeemed(address, purpose, sender or "", free_form)
        try:
            yield permit
        except BaseException:
            with suppress(Unavailable):  # the block's own error matters more; a worker finds the permit unreported
                permit.leave()
            raise
        permit.leave()

    def _redeemed(self, address: str, purpose: str, sender: str, free_form: bool) -> Permit:
        """A permit spent a moment ago, or the denial. A record that moved on, or a store that took longer than the
        lease, is asked once more.
        """
        try:
            return self._redeem_once(address, purpose, sender, free_form)
        except (PermitStale, PermitExpired):
            return self._redeem_once(address, purpose, sender, free_form)

    def _redeem_once(self, address: str, purpose: str, sender: str, free_form: bool) -> Permit:
        workspace, kit = self.workspace, self._system.kit
        cell, who = workspace.cell(purpose, sender), self._address(address, fast=True)
        verdict, issued = self._write(lambda tx: permits.issue(tx, kit, workspace, who, cell, free_form=free_form))
        if issued is None:
            return Permit(self, verdict)
        asked_at = self.steady()
        redeemed = self._write(lambda tx: permits.redeem(tx, kit, workspace.id, issued.id))
        if isinstance(redeemed, Verdict):
            return Permit(self, redeemed)
        if self.steady() - asked_at > LEASE:
            self.report(issued.id, "aborted", "", [], 0)
            raise PermitExpired("The database took longer than a permit lasts; nothing may be sent by it.")
        return Permit(self, verdict, issued.id, asked_at)

    def report(self, permit_id: str, outcome: Outcome, message_id: str, contacts: list[Address],
               offset_us: int) -> bool:
        """What became of a permit; `Permit` calls this. True if a breach is suspected."""
        workspace, kit = self.workspace, self._system.kit
        return self._write(lambda tx: permits.done(tx, kit, workspace, permit_id, outcome, message_id=message_id,
                                                   contacts=contacts, offset_us=max(0, offset_us)))

    def steady(self) -> int:
        """Microseconds of a clock that only moves forward."""
        return self._system.kit.ports.clock.steady()

    # -- yes and no ----------------------------------------------------------------------------------------------------

    def opt_in(self, address: str, *, entry: str, evidence: Mapping[str, str], language: str = "") -> Asked:
        """Begin a double opt-in for somebody who left their number with you; it never grants. The worker sends the
        question, and the person's own answer is what counts.

        `evidence` says where they asked: page, ip, user_agent, form, clerk, note. The answer's `state` is pending,
        granted (nothing was asked) or withdrawn (nothing may be asked); `chat_link` lets the person begin it
        themselves, the better proof. Raises UnknownEntry, EvidenceMissing, TemplateMissing.
        """
        _check_evidence(evidence)
        workspace, kit = self.workspace, self._system.kit
        who, place = self._address(address), workspace.entry(entry)
        return self._write(lambda tx: opt_in.ask(tx, kit, workspace, who, place, evidence=evidence, lang=language))

    def opt_out(self, address: str, purpose: str = ANY, *, sender: str = ANY, message_class: str = ANY,
                evidence: Mapping[str, str] | None = None, how: str = "library", wait: bool = True) -> Stopped:
        """Record a no and return when nothing can follow it: at once, or when what is under way has drained (2.5 s at
        most). `*` means every purpose, sender or class, those invented later included. `wait=False` returns after the
        commit. Raises UnknownPurpose, UnknownSender: a stop with a typo must not stop nothing.
        """
        _check_evidence(evidence or {})
        workspace, kit, clock = self.workspace, self._system.kit, self._system.kit.ports.clock
        who, cell = self._address(address), opt_out.scope(workspace, purpose, sender, message_class)
        said = self._write(lambda tx: opt_out.opt_out(tx, kit, workspace, who, cell, how=how, evidence=evidence or {}))
        give_up, drained = clock.steady() + ACKNOWLEDGE_WITHIN, not said.silent_by
        while not drained and wait and clock.steady() < give_up:
            clock.sleep(DRAIN_LOOK_S)
            drained = self._read(lambda tx: opt_out.drained(tx, workspace.id, said))
        state: Literal["acknowledged", "recorded"] = "acknowledged" if drained else "recorded"
        silent_by = 0 if drained else said.silent_by
        return Stopped(state, said.event, said.person, said.changed, silent_by, said.confirmation)

    def receive(self, connection: str, body: bytes, signature: str | None) -> Received:
        """Act on one webhook of a provider, for programs with a web framework of their own: `body` is the raw body,
        `signature` the X-Hub-Signature-256 header. Answer 200 only when this returned; 401 on BadSignature, 503 on
        Unavailable or NotConfigured, 400 on MalformedBody.
        """
        from sayso.channels import meta

        workspace, kit = self.workspace, self._system.kit
        found = workspace.connections.get(connection)
        if found is None:
            raise NotFound(f"'{connection[:48]}' is not a connection of this workspace.", param="connection")
        meta.verify(body, signature, self._system.app_secrets(found))
        items = meta.parse(body)
        return self._write(lambda tx: inbound.receive(tx, kit, workspace, found, items, body))

    def deliver(self) -> None:
        """Send what Sayso owes (questions, confirmations) and bring the ledger up to date, now and in this thread: for
        programs that run neither `sayso serve` nor a worker.
        """
        self.worker().settle()

    def worker(self) -> Worker:
        """A worker: `start()` it in this process and `stop()` it at the end."""
        return self._system.worker()

    # -- proof and rights ----------------------------------------------------------------------------------------------

    def history(self, address: str, *, texts: bool = False) -> list[dict[str, Any]]:
        """Everything recorded of a person, oldest first; with `texts` the evidence too. Raises NotFound."""
        ws, kit, who = self.workspace.id, self._system.kit, self._address(address)
        return self._read(lambda tx: proof.history(tx, kit, ws, who, texts=texts))

    def receipt(self, address: str, purpose: str = "", *, event: str = "") -> dict[str, Any]:
        """The receipt of the newest yes of a person, or of the yes named by `event`: a JSON value that a stranger can
        check without Sayso. Raises NotFound.
        """
        workspace, kit = self.workspace, self._system.kit
        who = self._address(address)
        if purpose:
            workspace.purpose(purpose)
        yes = event or self._read(lambda tx: proof.newest_yes(tx, kit, workspace.id, who, purpose))
        try:
            return self._snapshot(lambda tx: proof.receipt(tx, kit, workspace, yes))
        except NotYetInLedger:  # no worker came by yet
            self._write(lambda tx: ledger.integrate(tx, kit, workspace.id))
            return self._snapshot(lambda tx: proof.receipt(tx, kit, workspace, yes))

    def verify(self) -> verify.Report:
        """Recompute the ledger and everything the gate reads; `problems` names the first thing that does not fit."""
        ws, kit = self.workspace.id, self._system.kit
        return self._snapshot(lambda tx: verify.verify(tx, kit, ws))

    def erase(self, address: str, *, how: str = "library") -> Erased:
        """Destroy what is known of a person; the no is kept as a keyed hash. Raises NotFound."""
        return self._system.erase(self.workspace, self._address(address), how=how)

    def preference_link(self, address: str) -> str:
        """The private address of this person's preference page, for a message to them: new each time, shows the record
        for 30 days and stops for ever. Raises NotFound, NotConfigured without SAYSO_PUBLIC_URL.
        """
        workspace, kit, who = self.workspace, self._system.kit, self._address(address)
        return self._read(lambda tx: links.link_to(tx, kit, workspace, who)[0])

    def export(self, address: str, *, how: str = "library") -> dict[str, Any]:
        """Everything recorded of a person, unmasked, and the fact that it was handed out. Raises NotFound."""
        workspace, kit, who = self.workspace, self._system.kit, self._address(address)
        return self._write(lambda tx: export.export(tx, kit, workspace, who, how=how))

    # -- the rest ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Finish what is waiting and let go of the database."""
        self._system.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Sayso(workspace={self._slug!r})"

    def _address(self, text: str, *, fast: bool = False) -> Address:
        return identity.parse(text, self.workspace.country or None, fast=fast)

    def _read(self, work: Callable[[Tx], T]) -> T:
        return self._system.store.read(work)

    def _snapshot(self, work: Callable[[Tx], T]) -> T:
        return self._system.store.snapshot(work)

    def _write(self, work: Callable[[Tx], T]) -> T:
        return self._system.store.write(work)


def _check_evidence(evidence: Mapping[str, str]) -> None:
    for name, value in evidence.items():
        if name not in EVIDENCE_FIELDS:
            raise InvalidRequest(f"Evidence is {', '.join(EVIDENCE_FIELDS)}; '{name[:48]}' is none of them.",
                                 param=f"evidence.{name[:48]}")
        if not isinstance(value, str):
            raise InvalidRequest("Evidence is text.", param=f"evidence.{name}")


def _address_or_none(text: str, region: str | None) -> Address | None:
    try:
        return identity.parse(text, region, fast=True)
    except InvalidAddress:
        return None


def _contact(text: str) -> Address:
    """A recipient as a provider names it: Meta's `wa_id` is a number without the plus."""
    return identity.phone_from_wa_id(text) if text.isdecimal() else identity.parse(text)
