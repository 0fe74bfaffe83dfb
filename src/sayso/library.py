"""The library: Sayso inside any synchronous program, such as a Django view, a script or a Celery task.

    with Sayso("sayso.db", config="sayso.toml") as sayso:
        with sayso.sending("+447700900123", "offers") as permit:
            if permit:
                permit.done(my_client.send(...))

Rules of the room: a denial is a value, an unreachable store is an error (Unavailable), and nothing here allows by
default. Objects are safe to share between threads. Times are microseconds UTC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
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
from sayso.errors import InvalidAddress, InvalidRequest, NotFound
from sayso.flows import export, inbound, ledger, links, opt_in, opt_out, permits, proof, verify
from sayso.flows.bulk import check_many
from sayso.flows.inbound import Received
from sayso.flows.opt_in import EVIDENCE_FIELDS, Asked
from sayso.flows.opt_out import Confirmation
from sayso.flows.proof import NotYetInLedger
from sayso.ports import Ports
from sayso.sending import AsyncPermit, Permit, Sending, Till
from sayso.settings import environment_of, read_settings
from sayso.store.base import Tx
from sayso.wiring import System, open_system

if TYPE_CHECKING:
    from sayso.flows.rights import Erased
    from sayso.worker.run import Worker

__all__ = ["Asked", "AsyncPermit", "Permit", "Sayso", "Stopped", "Verdict"]

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

    def sending(self, address: str, purpose: str, sender: str | None = None, *, free_form: bool = False) -> Sending:
        """The right to send one message, for the length of a `with` block, or of an `async with` block in asyncio.

        Leaving the block without `done` or `failed`, or by an exception, is reported as possibly sent. Raises as
        `check`, and PermitStale or PermitExpired if the record moves or the store stalls twice in a row.
        """
        till = Till(self._system.kit, lambda: self.workspace, self._write, self._system.store.submit)
        return Sending(till, lambda: self._address(address, fast=True), purpose, sender or "", free_form)

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
        workspace, kit = self.workspace, self._system.kit
        who, cell = self._address(address), opt_out.scope(workspace, purpose, sender, message_class)
        said = self._write(lambda tx: opt_out.opt_out(tx, kit, workspace, who, cell, how=how, evidence=evidence or {}))
        silent_by = self._drain(said.silent_by, said.people) if wait else said.silent_by
        state: Literal["acknowledged", "recorded"] = "recorded" if silent_by else "acknowledged"
        return Stopped(state, said.event, said.person, said.changed, silent_by, said.confirmation)

    def _drain(self, silent_by: int, people: Sequence[str]) -> int:
        """Wait until nothing that was under way can leave: 0 then, or the same `silent_by` if that took too long."""
        ws, clock = self.workspace.id, self._system.kit.ports.clock
        give_up = clock.steady() + ACKNOWLEDGE_WITHIN
        while silent_by and clock.steady() < give_up:
            clock.sleep(DRAIN_LOOK_S)
            if self._read(lambda tx: opt_out.drained(tx, ws, people)):
                return 0
        return silent_by

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

    def erase(self, address: str, *, how: str = "library", wait: bool = True) -> Erased:
        """Destroy what is known of a person; the no is kept as a keyed hash. Returns when nothing can follow it, as
        `opt_out` does: `silent_by` is 0 then. `wait=False` returns after the commit. Raises NotFound.
        """
        erased = self._system.erase(self.workspace, self._address(address), how=how)
        return replace(erased, silent_by=self._drain(erased.silent_by, erased.people)) if wait else erased

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
