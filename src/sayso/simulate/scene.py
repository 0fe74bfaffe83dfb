"""The scene of one run: a database, its programs on their machines, the judge, and what every actor needs of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sayso.core import events
from sayso.core.events import Event
from sayso.core.gate import Verdict
from sayso.core.identity import Address
from sayso.core.purposes import Cell
from sayso.core.workspace import Workspace
from sayso.flows import opt_out, people, permits
from sayso.flows.kit import Kit
from sayso.ports import MINUTE, SECOND, Ports
from sayso.simulate import disk
from sayso.simulate.installation import START, SimulatedClock, image, replies, words
from sayso.simulate.loop import Act, Loop, Process
from sayso.simulate.truth import No, Truth, Violation
from sayso.store.base import Row, Tx
from sayso.vault import Vault
from sayso.worker.chores import UNFINISHED_AFTER

#: How often somebody who waits for the drain looks.
LOOK: Final = SECOND // 4


@dataclass(frozen=True, slots=True)
class Program:
    """A process with its handle on the database."""

    process: Process
    kit: Kit
    store: disk.SimulatedStore


@dataclass(slots=True)
class Scene:
    """Everything of one run. `observer` is a program that never dies and sees the database's own clock."""

    loop: Loop
    truth: Truth
    kind: str
    connection: Any
    workspace: Workspace
    vault: Vault
    machine: Process = field(default_factory=lambda: Process("database", mortal=False))
    programs: dict[str, Program] = field(default_factory=dict)
    addresses: dict[str, Address] = field(default_factory=dict)
    #: Requests whose prompt was prepared: whose, and when.
    prompts: dict[str, tuple[str, int]] = field(default_factory=dict)

    # -- who runs --------------------------------------------------------------------------------------------------

    def program(self, name: str, *, mortal: bool = True) -> Program:
        """Start a program: on SQLite's own machine, or on one of its own beside PostgreSQL's."""
        process = Process(name, mortal=mortal)
        clock = SimulatedClock(self.loop, process)
        database = clock if self.kind == "sqlite" else SimulatedClock(self.loop, self.machine)
        store = disk.SimulatedStore(self.connection, database, self.kind)
        process.commit = lambda waiting: store.commit(self.loop, waiting)
        program = Program(process, Kit(Ports(clock, self.loop.chance.randbytes), self.vault, words, replies), store)
        self.programs[name] = program
        return program

    def set_clocks(self, jump: int) -> None:
        """The machine's clock jumps, and with it every program's on it."""
        self.machine.wall += jump
        if self.kind == "sqlite":
            for program in self.programs.values():
                program.process.wall = self.machine.wall

    @property
    def observer(self) -> Program:
        """Who sees all."""
        return self.programs["observer"]

    def database_now(self) -> int:
        """The database's clock."""
        return self.loop.now + self.machine.wall

    def real(self, database_time: int) -> int:
        """A time of the database's clock as virtual time."""
        return database_time - self.machine.wall

    # -- what is so ------------------------------------------------------------------------------------------------

    def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        row = self.connection.execute(sql, values).fetchone()
        return row[0] if row else None

    def event(self, event_id: str) -> Event | None:
        """A fact as it is stored."""
        body = self.value("select body from events where event_id = ?", event_id)
        return events.decode(bytes(body)) if body is not None else None

    def known(self, address: str) -> Row | None:
        """The record that holds this address now."""
        return self.observer.store.read(
            lambda tx: people.look_up(tx, self.observer.kit, self.workspace.id, self.addresses[address]))

    def check(self, address: str, cell: Cell) -> Verdict:
        """What the gate says now."""
        return self.observer.store.read(lambda tx: permits.check(
            tx, self.observer.kit, self.workspace, self.addresses[address], cell))

    def cell(self, purpose: str) -> Cell:
        """The cell of a purpose at the one sender."""
        return self.workspace.cell(purpose, "shop")

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Everything the business sends."""
        return tuple(self.cell(purpose) for purpose in ("offers", "orders", "trial"))

    def look(self, address: str) -> None:
        """Ask the gate about every address of a person as soon as all of this commit is entered."""
        self.loop.checks.append(lambda: self.look_now(address))

    def look_now(self, address: str) -> None:
        """Ask the gate about every address of a person, and judge."""
        cells = self.cells
        for one in sorted(self.truth.group(address)):
            for cell in cells:
                self.truth.must_deny(one, cell, allowed=self.check(one, cell).allowed)

    # -- noes and their drain --------------------------------------------------------------------------------------

    def heard_no(self, no: No) -> None:
        """A no is recorded. From when nothing may follow it is watched from outside."""
        self.truth.noes.append(no)
        self.loop.count("noes")
        self.drain(no)

    def drain(self, no: No) -> None:
        """Watch until nothing that was under way can still reach any address of the person."""
        fresh = [one for one in sorted(self.truth.group(no.address)) if one not in no.silent]
        if fresh:
            self.loop.spawn(self.observer.process, "drain", self._watch(no, fresh))

    def _watch(self, no: No, fresh: list[str]) -> Act:
        records = [*self._records(fresh), *([no.record] if no.record else [])]
        for one in fresh:
            no.silent.setdefault(one, 2**62)
        while self.observer.store.read(lambda tx: opt_out.silent_by(tx, self.workspace.id, records)):
            yield LOOK
        for one in fresh:
            no.silent[one] = min(no.silent[one], self.loop.now)

    def _records(self, addresses: Iterable[str]) -> list[str]:
        """Whoever holds or held these addresses."""

        def find(tx: Tx) -> list[str]:
            return sorted({row[0] for one in addresses
                           for mac in self.vault.address_macs(self.workspace.id, self.addresses[one])
                           for row in tx.rows("holders_of_mac", ws=self.workspace.id, mac=mac)})

        return self.observer.store.read(find)

    def is_former(self, address: str) -> bool:
        """Whether somebody is known to have left this address."""
        macs = self.vault.address_macs(self.workspace.id, self.addresses[address])
        return any(self.value("select 1 from addresses where mac = ? and state = 'former'", mac) for mac in macs)

    def linked(self, addresses: Iterable[str]) -> None:
        """A payload that names several addresses of one person is recorded: each no reaches them all."""
        for no in self.truth.link(addresses):
            self.drain(no)

    def reported(self, message_id: str, address: str, names: Sequence[str]) -> None:
        """A status of a message, if it is known whose that was, names more addresses of the same person."""
        mac = self.vault.message_mac(self.workspace.id, "sent", message_id)
        permit = self.value("select permit_id from handed_over where mac = ?", mac)
        if permit:
            self.learned(permit, address, names)

    def learned(self, permit: str, address: str, names: Sequence[str]) -> None:
        """A send response names more addresses of whom the message was for; of somebody erased nothing is learned."""
        erased = self.value("select r.erased_at from permits t join people p on p.person_id = t.person_id"
                            " join people r on r.person_id = p.root_id where t.permit_id = ?", permit)
        if names and not erased:
            self.linked((address, *names))

    def confirmed(self, event: Event, address: str) -> None:
        """A confirmation reached the provider: it says that the opt-out holds, so it is one acknowledgement."""
        if self.truth.confirmed.setdefault(event.id, self.loop.now) != self.loop.now:
            raise Violation(2, "an opt-out was confirmed twice")
        for no in self.truth.noes:
            if no.kind == "stop" and no.address in self.truth.group(address) and event.cells == no.cells:
                for one in self.truth.group(address):
                    if one in no.silent:
                        no.silent[one] = min(no.silent[one], self.loop.now)

    # -- when something falls due ----------------------------------------------------------------------------------

    def due_outbox(self) -> int:
        """When the next row of the outbox is due or its claim ends, in virtual time; 0 if none is."""
        due = self.value("select min(case state when 'queued' then run_at else lease_until end) from outbox"
                         " where state in ('queued', 'claimed')")
        return max(self.real(due), self.loop.now + SECOND // 10) if due else 0

    def due_chores(self) -> int:
        """When the keeper of ledger and permits has something to do; 0 for nothing."""
        if self.value("select 1 from unintegrated limit 1"):
            return self.loop.now + 2 * SECOND
        late = self.value("select min(not_after) from permits where state = 'redeemed'")
        return max(self.real(late + UNFINISHED_AFTER + MINUTE), self.loop.now + SECOND) if late else 0


def set_up(seed: int) -> Scene:
    """A scene whose every chance hangs on the seed."""
    made = image()
    loop = Loop(seed, START)
    vault = Vault.from_text(made.keys, loop.chance.randbytes)
    kind = loop.chance.choice(("sqlite", "postgres"))
    return Scene(loop, Truth(loop), kind, disk.opened(made.data), made.workspace, vault)
