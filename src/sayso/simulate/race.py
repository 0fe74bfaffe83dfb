"""The race: a campaign sends while people say STOP. Played twice from one plan, once by code that checks and then
sends, once by code that redeems a permit just before the wire. What is counted is handed over after the opt-out was
acknowledged.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final

from sayso.channels.base import InboundText
from sayso.core import identity
from sayso.core.gate import Verdict
from sayso.errors import SaysoError
from sayso.flows import elsewhere, inbound, opt_out, permits
from sayso.flows.elsewhere import Proof
from sayso.ports import DAY, SECOND
from sayso.simulate.installation import NUMBER_ID
from sayso.simulate.loop import Act, Write
from sayso.simulate.scene import LOOK, Program, Scene, set_up

#: People in the campaign, and how long it takes.
PEOPLE: Final = 100
LENGTH: Final = 20 * SECOND
#: Longest a message waits between being looked at and the call: a queue, a template, a rate limit.
WAIT: Final = 2 * SECOND
#: How many of the people say STOP in the middle of it.
LEAVING: Final = 0.7


@dataclass(frozen=True, slots=True)
class Lap:
    """One campaign: messages handed over, opt-outs acknowledged, messages that followed their acknowledgement."""

    sent: int
    stops: int
    after: int


@dataclass(frozen=True, slots=True)
class _Plan:
    phone: str
    send_at: int
    wait: int
    stop_at: int


def race(seed: int = 1, people: int = PEOPLE) -> tuple[Lap, Lap]:
    """The same plan by check-then-send, and through the gate."""
    chance = Random(seed)  # noqa: S311  (a story, not a secret)
    plans = [_Plan(f"+4477009{place:05d}", chance.randrange(LENGTH), chance.randrange(WAIT),
                   chance.randrange(LENGTH) if chance.random() < LEAVING else 0) for place in range(people)]
    return _Campaign(seed, plans, gate=False).run(), _Campaign(seed, plans, gate=True).run()


class _Campaign:
    def __init__(self, seed: int, plans: list[_Plan], *, gate: bool) -> None:
        self.scene: Scene = set_up(seed)
        self.scene.loop.faults = False
        self.program: Program = self.scene.program("shop", mortal=False)
        self.plans, self.gate = plans, gate
        self.silent: dict[str, int] = {}
        self.sent = self.after = 0

    def run(self) -> Lap:
        """Everybody says yes, then all happens at once."""
        scene, loop = self.scene, self.scene.loop
        for plan in self.plans:
            scene.addresses[plan.phone] = identity.phone(plan.phone)
            self._yes(plan)
        for plan in self.plans:
            send = self._redeems(plan) if self.gate else self._checks(plan)
            loop.spawn(self.program.process, "send", send, plan.send_at)
            if plan.stop_at:
                loop.spawn(self.program.process, "stop", self._stops(plan), plan.stop_at)
        loop.run(loop.now + LENGTH + 10 * SECOND)
        return Lap(self.sent, len(self.silent), self.after)

    def _yes(self, plan: _Plan) -> None:
        scene, kit = self.scene, self.program.kit
        proof = Proof("The shop", scene.loop.now - DAY, wording="May we?", clerk="Kim")
        self.program.store.write(lambda tx: elsewhere.record(
            tx, kit, scene.workspace, scene.addresses[plan.phone], (scene.cell("offers"),), proof, source="clerk"))

    def _hands_over(self, plan: _Plan) -> None:
        self.sent += 1
        self.after += self.silent.get(plan.phone, self.scene.loop.now) < self.scene.loop.now

    def _checks(self, plan: _Plan) -> Act:
        """May I? Yes. And some time later it is sent."""
        if self._check(plan):
            yield plan.wait
            self._hands_over(plan)

    def _check(self, plan: _Plan) -> Verdict:
        """The advisory question."""
        scene = self.scene
        return self.program.store.read(lambda tx: permits.check(
            tx, self.program.kit, scene.workspace, scene.addresses[plan.phone], scene.cell("offers")))

    def _redeems(self, plan: _Plan) -> Act:
        """The same wait, and then the last look before the wire."""
        scene, kit, ws = self.scene, self.program.kit, self.scene.workspace
        _, permit = yield Write(lambda tx: permits.issue(tx, kit, ws, scene.addresses[plan.phone],
                                                         scene.cell("offers")))
        if permit is None:
            return
        yield plan.wait
        try:
            got = yield Write(lambda tx: permits.redeem(tx, kit, ws.id, permit.id))
        except SaysoError:
            return
        if isinstance(got, Verdict):
            return
        yield 50_000
        self._hands_over(plan)
        yield 100_000
        yield Write(lambda tx: permits.done(tx, kit, ws, permit.id, "sent"))

    def _stops(self, plan: _Plan) -> Act:
        """STOP arrives; it is acknowledged when nothing that was under way can still leave."""
        scene, kit, ws = self.scene, self.program.kit, self.scene.workspace
        item = InboundText(sender_ref=NUMBER_ID, key=("message", f"wamid.{plan.phone}"), text="STOP",
                           at=scene.loop.now // SECOND * SECOND, addresses=(scene.addresses[plan.phone],),
                           message_id=f"wamid.{plan.phone}")
        yield Write(lambda tx: inbound.receive(tx, kit, ws, ws.connections["main"], [item], b"{}"))
        known = self._check(plan).person
        while self.program.store.read(lambda tx: opt_out.silent_by(tx, ws.id, (known,))):
            yield LOOK // 5
        self.silent[plan.phone] = scene.loop.now
