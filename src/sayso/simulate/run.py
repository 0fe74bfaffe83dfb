"""One seed, played to its end: people and programs with faults, then a calm in which everything must come right, then
the audit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sayso.ports import HOUR, MINUTE, SECOND
from sayso.simulate import audit
from sayso.simulate.acts import act
from sayso.simulate.business import Business
from sayso.simulate.loop import Stuck
from sayso.simulate.people import Human, Mail
from sayso.simulate.scene import Program, Scene, set_up
from sayso.simulate.truth import SKEW, Violation
from sayso.simulate.wire import Wire

#: How often a person begins by joining.
MOSTLY: Final = 0.85
#: Acts of people in one run.
ACTS: Final = (8, 22)
#: Waits between two acts, the short ones most often.
WAITS: Final = (SECOND, 3 * SECOND, 10 * SECOND, 40 * SECOND, 10 * MINUTE, 3 * HOUR, 30 * HOUR, 80 * HOUR)
OFTEN: Final = (10, 10, 12, 8, 4, 4, 2, 1)
#: How far a machine's clock is set from WhatsApp's, all jumps together: a little less than the two may differ.
FARTHEST: Final = SKEW - 5 * SECOND


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a seed came to. `violation` is empty if every promise held."""

    seed: int
    violation: str
    promise: int
    digest: str
    trace: tuple[str, ...]
    counts: dict[str, int]


def simulate(seed: int) -> Outcome:
    """Play one seed. The same seed gives the same outcome, in any process."""
    play = Play(seed)
    violation, promise = "", 0
    try:
        play.whole()
    except Violation as found:
        violation, promise = str(found), found.promise
    except Stuck as found:
        violation = str(found)
    except Exception as error:  # noqa: BLE001  (whatever it is, the product or the simulation is wrong)
        violation, promise = f"{type(error).__name__}: {error}", -1
    loop = play.scene.loop
    return Outcome(seed, violation, promise, loop.digest, tuple(loop.trace), dict(loop.counts))


class Play:
    """The acts of one seed."""

    def __init__(self, seed: int) -> None:
        self.scene: Scene = set_up(seed)
        scene, chance = self.scene, self.scene.loop.chance
        scene.loop.pauses = chance.choice((0.0, 0.01, 0.05))
        scene.loop.crashes = chance.choice((0.0, 0.003, 0.01))
        self.wire = Wire(scene)
        self.mail = Mail(scene, ["server", "other"])
        self.wire.reports.append(self.mail.post)
        self.business = Business(scene, self.wire)
        self.humans = [self._human(place) for place in range(chance.choice((1, 2, 2, 3)))]
        scene.program("observer", mortal=False)
        for name in ("server", "other", "till"):
            scene.program(name)
        for name in ("worker", "helper"):
            self._worker(scene.program(name))
        self._set_clocks()

    def _human(self, place: int) -> Human:
        phone = "" if self.scene.loop.chance.random() < 0.1 else f"+4477009001{place:02d}"
        human = Human(f"human{place}", phone, f"GB.1349HUMAN{place}", self.scene)
        human.apart = bool(phone) and self.scene.loop.chance.random() < 0.25
        for address in (phone, human.user_id):
            if address:
                self.wire.humans[address] = human
        return human

    def _worker(self, program: Program) -> None:
        def begin() -> None:
            self.scene.loop.spawn(program.process, "outbox", self.business.deliver(program))
            if program.process.name == "worker":
                self.scene.loop.spawn(program.process, "ledger", self.business.keep(program))

        program.process.restart = begin
        begin()

    def _set_clocks(self) -> None:
        chance = self.scene.loop.chance
        for program in self.scene.programs.values():
            program.process.boot = chance.randrange(10**12)
            if self.scene.kind == "postgres" and program.process.mortal:
                program.process.wall = chance.randrange(-SECOND // 10, SECOND // 10)

    # -- the acts --------------------------------------------------------------------------------------------------

    def whole(self) -> None:
        """Everything. Raises Violation."""
        loop, chance = self.scene.loop, self.scene.loop.chance
        for human in self.humans:
            if chance.random() < MOSTLY:
                self._joins(human)
        for _ in range(chance.randrange(*ACTS)):
            self._jump()
            human = chance.choice(self.humans)
            self._around(human)
            act(self, human)
            loop.run(loop.now + chance.choices(WAITS, OFTEN)[0] + chance.randrange(SECOND))
        self.calm()
        audit.audit(self)

    def _joins(self, human: Human) -> None:
        """The whole double opt-in, as it mostly goes."""
        loop = self.scene.loop
        self.mail.post(human.text(loop.chance.choice(("JOIN", "JOIN ALL", "JOIN ALL", "TRIAL")), human.chat),
                       prompt=True)
        loop.run(loop.now + 5 * SECOND)
        if human.inbox:
            wamid, request, payloads = human.inbox[-1]
            self.mail.post(human.tap(payloads[0], "Yes, I agree", human.yes(request), wamid), prompt=True)
            loop.run(loop.now + 2 * SECOND)

    def _around(self, human: Human) -> None:
        """Messages are always on their way when people act."""
        chance = self.scene.loop.chance
        for _ in range(chance.choice((0, 1, 2, 2))):
            self.send(human, chance.randrange(8 * SECOND))

    def send(self, human: Human, wait: int = 0) -> None:
        """Some sender of the business wants to write to an address of theirs."""
        chance = self.scene.loop.chance
        program = self.scene.programs[chance.choice(("server", "other", "till"))]
        address = chance.choice([name for name in (human.phone, human.user_id, human.old) if name])
        purpose = chance.choice(("offers", "offers", "orders", "trial"))
        if program.process.alive:
            self.scene.loop.spawn(program.process, "campaign",
                                  self.business.send(program, address, self.scene.cell(purpose)), wait)

    def _jump(self) -> None:
        """A clock is set: back at any time, forward as far as the drain's margin allows, or in a quiet moment."""
        scene, chance = self.scene, self.scene.loop.chance
        if chance.random() >= 0.05:
            return
        scene.loop.count("clock jumps")
        if scene.kind == "postgres" and chance.random() < 0.5:
            program = scene.programs[chance.choice(sorted(scene.programs))]
            program.process.wall = chance.randrange(-SECOND, SECOND)
            return
        quiet = not scene.value("select 1 from permits where state = 'redeemed'")
        jump = chance.randrange(-2 * MINUTE, 2 * MINUTE) if quiet else chance.randrange(-2 * MINUTE, SECOND // 3)
        jump = max(-FARTHEST - scene.machine.wall, min(FARTHEST - scene.machine.wall, jump))
        scene.set_clocks(jump)
        scene.loop.tell("clock", f"jumps {jump / SECOND:.1f} s")

    def calm(self) -> None:
        """Faults cease: programs come back, webhooks get through, queues drain."""
        loop = self.scene.loop
        loop.faults = False
        loop.run(loop.now + 2 * MINUTE)
        while self.mail.under_way:
            loop.run(loop.now + HOUR)
        loop.run(loop.now + 10 * MINUTE)
