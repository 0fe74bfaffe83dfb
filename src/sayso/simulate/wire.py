"""The provider as the business sees it: what a call comes back with, and what it reports later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sayso.channels.base import Outbound, Sent, StatusUpdate
from sayso.core.purposes import Cell
from sayso.errors import ProviderError
from sayso.ports import SECOND
from sayso.simulate.people import Human, Said, arrives
from sayso.simulate.scene import Scene


@dataclass(slots=True)
class Wire:
    """The provider: takes messages, fails, names the recipient's user id, and refuses who left in WhatsApp itself."""

    scene: Scene
    humans: dict[str, Human] = field(default_factory=dict)
    reports: list[Callable[[Said], None]] = field(default_factory=list)
    _count: int = 0

    def take(self, address: str, what: str, message: Outbound | None, *, marketing: bool) -> Sent:
        """One message. Raises ProviderError as the channel would."""
        loop, chance = self.scene.loop, self.scene.loop.chance
        self._count += 1
        human, wamid = self.humans[address], f"wamid.out.{self._count}"
        draw = chance.random() if loop.faults else 1.0
        loop.tell("whatsapp", f"receives {what} for {address[-4:]}")
        if human.off and marketing and draw < 0.5:
            raise ProviderError("They left.", provider_code=131050, outcome="opted_out")
        if human.off and marketing:
            self._report(human, address, wamid, 131050)
            return Sent(wamid, (), "accepted")
        if draw < 0.05:
            raise ProviderError("Try later.", provider_code=130429, retry=True)
        if draw < 0.10:
            if draw < 0.08 and message is not None:
                arrives(human, wamid, message)
            raise ProviderError("No answer.", outcome="possibly_sent", retry=True)
        if message is not None:
            loop.after(100_000 + chance.randrange(SECOND), lambda: arrives(human, wamid, message))
        names = (human.user_id,) if human.phone == address and chance.random() < 0.4 and not human.apart else ()
        return Sent(wamid, tuple(self.scene.addresses[name] for name in names), "accepted")

    def _report(self, human: Human, address: str, wamid: str, code: int) -> None:
        """The refusal comes later, as a status, and names them as WhatsApp likes, not as they were written to."""
        names, at = human.named(), self.scene.loop.now // SECOND * SECOND
        item = StatusUpdate(sender_ref="106540352242922", key=("status", wamid, "failed", str(code)), at=at,
                            addresses=tuple(self.scene.addresses[name] for name in names), message_id=wamid,
                            status="failed", errors=((code, ""),))
        native = Cell("*", "*", "marketing")

        def enter() -> None:
            self.scene.reported(wamid, address, names)
            human.no("native", native)(at, names)

        self.reports[0](Said(item, names, enter))
