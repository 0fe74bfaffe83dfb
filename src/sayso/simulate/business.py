"""What the business runs: senders that ask for permits, workers that send what Sayso owes, a keeper of the ledger, an
office that records opt-outs, requests, yeses on paper and erasures. Each is an actor of a process that may die.

The worker's steps are those of `worker/outbox.py` `work`, with the world allowed in between.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from sayso.channels.base import Sent
from sayso.core.gate import Verdict
from sayso.core.purposes import EVERYTHING, Cell
from sayso.errors import NotFound, PermitStale, ProviderError, SaysoError
from sayso.flows import bulk, elsewhere, ledger, opt_in, opt_out, people, permits, record, rights
from sayso.flows.elsewhere import Proof
from sayso.flows.opt_out import OptedOut
from sayso.flows.permits import Permit, Redeemed
from sayso.ports import DAY, HOUR, MINUTE, SECOND
from sayso.simulate.loop import Act, Idle, Write
from sayso.simulate.scene import Program, Scene
from sayso.simulate.truth import No, Violation, Yes
from sayso.simulate.wire import Wire
from sayso.store.base import Tx
from sayso.worker import chores, outbox
from sayso.worker.outbox import Claim, Letter

#: How often a caller tells an outcome again that the database would not take.
TRIES: Final = 4


@dataclass(slots=True)
class Business:
    """Its programs act on a scene; all of them see the same humans."""

    scene: Scene
    wire: Wire

    # -- senders ---------------------------------------------------------------------------------------------------

    def send(self, program: Program, address: str, cell: Cell) -> Act:
        """One message by permit: issue, wait, redeem, call, done. A stale permit is asked for once more."""
        scene, chance = self.scene, self.scene.loop.chance
        ws, who = scene.workspace, scene.addresses[address]
        if chance.random() < 0.3:
            self._compare(program, cell)
        for _ in range(2):
            try:
                verdict, permit = yield Write(lambda tx: permits.issue(tx, program.kit, ws, who, cell))
            except SaysoError:
                return
            if permit is None:
                scene.loop.tell(program.process.name, f"{cell.purpose} to {address[-4:]}: {verdict.reason}")
                return
            yield self._gap()
            if chance.random() < 0.1:  # a second program of theirs has the same permit, by mistake
                scene.loop.spawn(program.process, "twin", self._use(program, permit, address, cell, []),
                                 chance.randrange(SECOND))
            stale: list[bool] = []
            yield from self._use(program, permit, address, cell, stale)
            if not stale:
                return

    def _gap(self) -> int:
        draw = self.scene.loop.chance.random()
        if draw < 0.5:
            return self.scene.loop.chance.randrange(SECOND // 5)
        return self.scene.loop.chance.randrange(20 * SECOND if draw < 0.95 else 20 * MINUTE)

    def _compare(self, program: Program, cell: Cell) -> None:
        """Many checks at once say what single ones say."""
        scene, addresses = self.scene, sorted(self.scene.addresses)
        asked = [scene.addresses[one] for one in addresses]
        many = program.store.read(lambda tx: bulk.check_many(tx, program.kit, scene.workspace, asked, cell))
        for one, verdict in zip(asked, many, strict=True):
            single = program.store.read(partial(permits.check, kit=program.kit, workspace=scene.workspace, address=one,
                                                cell=cell))
            if single != verdict:
                raise Violation(4, f"in bulk the gate says {verdict.reason}, singly {single.reason}")

    def _use(self, program: Program, permit: Permit, address: str, cell: Cell, stale: list[bool]) -> Act:
        """Redeem and call. What the database would not say for sure is not sent; a redeem is tried once more."""
        scene, chance, clock = self.scene, self.scene.loop.chance, program.kit.ports.clock
        for attempt in range(2):
            asked_at = clock.steady()
            try:
                got = yield Write(lambda tx: permits.redeem(tx, program.kit, scene.workspace.id, permit.id),
                                  then=lambda got: self._redeemed(got, address, cell))
                break
            except PermitStale:
                stale.append(True)
                return
            except SaysoError:
                if attempt:
                    return
                yield chance.randrange(SECOND)
        if isinstance(got, Verdict):
            return
        yield chance.randrange(SECOND // 10 if chance.random() < 0.6 else 19 * SECOND // 10)
        offset = clock.steady() - asked_at
        if offset > got.budget_us:
            yield from self._done(program, got, "aborted", "", (), 0, address)
            return
        if scene.loop.faults and chance.random() < 0.02:  # frozen between the last look and the write: physics
            yield chance.randrange(6 * SECOND)
            offset = clock.steady() - asked_at
        yield from self._call(program, got, address, cell, offset)

    def _redeemed(self, got: Redeemed | Verdict, address: str, cell: Cell) -> None:
        if isinstance(got, Redeemed):
            self.scene.truth.redeemed(address, cell, got.id)

    def _call(self, program: Program, got: Redeemed, address: str, cell: Cell, offset: int) -> Act:
        self.scene.truth.campaign(address, cell, got.id, late=offset > permits.LEASE)
        outcome, sent, code = "sent", None, 0
        try:
            sent = self.wire.take(address, cell.purpose, None, marketing=cell.cls == "marketing")
        except ProviderError as error:
            outcome = "possibly_sent" if error.outcome == "possibly_sent" else "failed"
            code = error.provider_code
            if outcome == "failed":
                self.scene.truth.late.discard(got.id)  # the provider did not take it: nothing was breached
        yield 20_000 + self.scene.loop.chance.randrange(SECOND)
        contacts = sent.contacts if sent else ()
        yield from self._done(program, got, outcome, sent.message_id if sent else "", contacts, offset, address)
        if code == 131050:
            yield from self.native_stop(program, address)

    def _done(self, program: Program, got: Redeemed, outcome: Any, message_id: str, contacts: Any, offset: int,
              address: str) -> Act:
        names = [name for name, known in self.scene.addresses.items() if known in contacts]

        def then(_: bool) -> None:
            self.scene.learned(got.id, address, names)

        for _ in range(TRIES):
            try:
                yield Write(lambda tx: permits.done(tx, program.kit, self.scene.workspace, got.id, outcome,
                                                    message_id=message_id, contacts=contacts, offset_us=offset),
                            then=then)
                return
            except SaysoError:
                yield SECOND

    def native_stop(self, program: Program, address: str) -> Act:
        """The call came back 131050: the caller tells Sayso."""
        scene = self.scene

        def work(tx: Tx) -> bool:
            person = people.find(tx, program.kit, scene.workspace.id, scene.addresses[address])
            if person is None or person.erased:
                return False
            opt_out.refused(tx, program.kit, scene.workspace, person, "opted_out", "shop", code=131050)
            return True

        at = scene.loop.now

        def then(told: bool) -> None:
            if told:
                scene.heard_no(No("native", address, (Cell("*", "*", "marketing"),), at, scene.loop.now))
                scene.look(address)

        try:
            yield Write(work, then=then)
        except SaysoError:
            return

    # -- the worker ------------------------------------------------------------------------------------------------

    def deliver(self, program: Program) -> Act:
        """Claim what is due and carry it out, for ever."""
        while True:
            try:
                mine = yield Write(outbox.claim)
            except SaysoError:
                yield SECOND
                continue
            for claim in mine:
                yield from self._work(program, claim)
            if not mine:
                yield Idle(self.scene.due_outbox)

    def _work(self, program: Program, claim: Claim) -> Act:
        scene, kit, clock = self.scene, program.kit, program.kit.ports.clock
        asked_at = clock.steady()
        try:
            letter: Letter | None = yield Write(
                lambda tx: outbox.prepare(tx, kit, scene.workspace, claim, asked_at), then=self._prepared)
        except SaysoError:
            return
        if letter is None:
            return
        yield scene.loop.chance.randrange(SECOND // 10)
        if clock.steady() > letter.deadline:
            yield from self._told(lambda tx: outbox.failed(tx, kit, letter, PermitStale("The write would be late.")))
            return
        offset = clock.steady() - asked_at
        try:
            sent = self._hand(letter)
        except ProviderError as error:
            problem = error
            yield 20_000 + scene.loop.chance.randrange(SECOND)
            yield from self._told(lambda tx: outbox.failed(tx, kit, letter, problem))
            return
        yield 20_000 + scene.loop.chance.randrange(SECOND)
        names = [name for name, known in scene.addresses.items() if known in sent.contacts]
        yield from self._told(lambda tx: outbox.delivered(tx, kit, letter, sent, offset),
                              lambda _: scene.learned(letter.permit, letter.to.value, names))

    def _prepared(self, letter: Letter | None) -> None:
        if letter is not None and letter.kind in ("prompt", "reminder"):
            self.scene.prompts[letter.request] = (letter.to.value, self.scene.loop.now)

    def _hand(self, letter: Letter) -> Sent:
        """The letter reaches the provider; the judge looks at it."""
        scene = self.scene
        if letter.claim.row in scene.truth.rows:
            raise Violation(2, f"a {letter.kind} was handed over twice")
        try:
            sent = self.wire.take(letter.to.value, letter.kind, letter.message, marketing=False)
        except ProviderError as error:
            if error.outcome == "possibly_sent":
                scene.truth.rows.add(letter.claim.row)
            raise
        scene.truth.rows.add(letter.claim.row)
        answers = scene.value("select answers from outbox where outbox_id = ?", letter.claim.row)
        self._in_order(letter, answers)
        return sent

    def _in_order(self, letter: Letter, answers: str) -> None:
        scene, event = self.scene, self.scene.event(answers)
        if event is None:
            return
        if letter.kind == "stop_confirmation":
            scene.confirmed(event, letter.to.value)
            scene.loop.count("confirmations")
            return
        mine = scene.value("select rowid from events where event_id = ?", answers)
        for stop in scene.truth.confirmed:
            other = scene.event(stop)
            if other is not None and other.person == event.person and EVERYTHING in other.cells and \
                    mine < scene.value("select rowid from events where event_id = ?", stop):
                raise Violation(2, f"a {letter.kind} followed the confirmation of a later stop")

    def _told(self, work: Callable[[Tx], Any], then: Callable[[Any], None] | None = None) -> Act:
        try:
            yield Write(work, then=then)
        except SaysoError:
            return

    def keep(self, program: Program) -> Act:
        """Integrate what waits, expire permits, find what nobody reported; for ever."""
        ws = self.scene.workspace.id
        while True:
            try:
                yield Write(lambda tx: ledger.integrate(tx, program.kit, ws))
                yield Write(lambda tx: chores.tidy(tx, program.kit, [ws]))
            except SaysoError:
                yield SECOND
            yield SECOND
            yield Idle(self.scene.due_chores)

    # -- the office ------------------------------------------------------------------------------------------------

    def opts_out(self, program: Program, address: str, cell: Cell, how: str = "api") -> Act:
        """An opt-out through the API; a clerk who gets an error tries again."""
        scene = self.scene

        def then(_: OptedOut) -> None:
            scene.heard_no(No("stop", address, (cell,), at, scene.loop.now))
            scene.look(address)

        for _ in range(TRIES):
            at = scene.loop.now
            try:
                yield Write(lambda tx: opt_out.opt_out(tx, program.kit, scene.workspace, scene.addresses[address], cell,
                                                       how=how, evidence={"note": "by phone"}), then=then)
                return
            except SaysoError:
                yield 2 * SECOND

    def asks(self, program: Program, address: str) -> Act:
        """The website asks for a number that was typed into its form."""
        scene = self.scene
        try:
            yield Write(lambda tx: opt_in.ask(tx, program.kit, scene.workspace, scene.addresses[address],
                                              scene.workspace.entry("website"), evidence={"page": "form"}))
        except SaysoError:
            return

    def writes_down(self, program: Program, address: str) -> Act:
        """A clerk records a yes on paper, of last month, which the policy lets grant."""
        scene, cell = self.scene, self.scene.cell("offers")
        given = scene.loop.now - 30 * DAY
        proof = Proof("The shop", given, wording="May we?", clerk="Kim")

        def then(told: elsewhere.Recorded) -> None:
            if told.grants:
                scene.truth.yeses.append(Yes(address, (cell,), given, scene.loop.now, elsewhere=True))
            scene.look(address)

        try:
            yield Write(lambda tx: elsewhere.record(tx, program.kit, scene.workspace, scene.addresses[address], (cell,),
                                                    proof, source="clerk"), then=then)
        except SaysoError:
            return

    def pauses(self, program: Program, address: str) -> Act:
        """The person asked for silence for some hours."""
        scene, ws = self.scene, self.scene.workspace.id

        def work(tx: Tx) -> int:
            person = people.find(tx, program.kit, ws, scene.addresses[address])
            if person is None or person.erased:
                return 0
            until = program.kit.now() + 6 * HOUR
            record.tell(tx, program.kit, ws, person, "paused", cells=(EVERYTHING,), facts={"until": until})
            return until

        at = scene.loop.now

        def then(until: int) -> None:
            if until:
                scene.heard_no(No("pause", address, (EVERYTHING,), at, scene.loop.now, until=until))

        try:
            yield Write(work, then=then)
        except SaysoError:
            return

    def erases(self, program: Program, address: str) -> Act:
        """The person asked to be forgotten; the no stays, for each address."""
        scene, ws = self.scene, self.scene.workspace.id
        at = scene.loop.now
        known: list[str] = []

        def work(tx: Tx) -> rights.Erased:
            known[:] = [name for name, one in scene.addresses.items() if self._of(tx, program, name, address)]
            return rights.erase(tx, program.kit, ws, scene.addresses[address], how="api")

        def then(erased: rights.Erased) -> None:
            scene.loop.count("erasures")
            scene.truth.part(address)
            for name in known:
                scene.heard_no(No("erased", name, (EVERYTHING,), at, scene.loop.now, record=erased.person))
            scene.look(address)

        try:
            yield Write(work, then=then)
        except (NotFound, SaysoError):
            return

    def _of(self, tx: Tx, program: Program, name: str, address: str) -> bool:
        ws = self.scene.workspace.id
        one = people.look_up(tx, program.kit, ws, self.scene.addresses[name])
        two = people.look_up(tx, program.kit, ws, self.scene.addresses[address])
        return one is not None and two is not None and one[0] == two[0]
