"""People with phones: what they say and tap, what WhatsApp makes of it, and what the judge is told once it is recorded.

A person lives in WhatsApp, not in a process: nothing here crashes. Webhooks are delivered late, twice, shuffled or
never, and again until they are taken.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sayso.channels.base import Inbound, InboundButton, InboundText, Outbound
from sayso.core import identity
from sayso.core.identity import Address
from sayso.core.purposes import Cell
from sayso.errors import SaysoError
from sayso.flows import inbound
from sayso.flows.inbound import Received
from sayso.ports import HOUR, MINUTE, SECOND
from sayso.simulate.installation import NUMBER_ID
from sayso.simulate.loop import Act, Write
from sayso.simulate.scene import Scene
from sayso.simulate.truth import SKEW, No, Yes

#: How often a webhook that was not taken is sent again, and for how long (Meta: up to seven days).
AGAIN: Final = (5 * SECOND, MINUTE, 10 * MINUTE, HOUR)
#: A message in the inbox that asks something.
Asking = tuple[str, str, tuple[str, ...]]


@dataclass(slots=True)
class Said:
    """A provider's item, and what the judge enters when it is recorded."""

    item: Inbound
    names: tuple[str, ...]
    enter: Callable[[], None]
    recorded: bool = False


@dataclass(slots=True)
class Human:
    """Somebody. `inbox` holds the messages with buttons, newest last; `off` is WhatsApp's own switch."""

    name: str
    phone: str
    user_id: str
    scene: Scene
    inbox: list[Asking] = field(default_factory=list)
    wamids: list[str] = field(default_factory=list)
    off: bool = False
    old: str = ""
    #: Seen by number only, so that number and user id are two records until something names both.
    apart: bool = False

    def __post_init__(self) -> None:
        if self.phone:
            self.scene.addresses[self.phone] = identity.phone(self.phone)
        self.scene.addresses[self.user_id] = identity.bsuid(self.user_id)

    # -- saying ----------------------------------------------------------------------------------------------------

    def named(self) -> tuple[str, ...]:
        """The addresses WhatsApp puts into this webhook: the number, the user id, mostly both."""
        draw = self.scene.loop.chance.random()
        if not self.phone:
            return (self.user_id,)
        if draw < 0.3 or self.apart:
            return (self.phone,)
        return (self.user_id,) if draw < 0.45 else (self.phone, self.user_id)

    def _addresses(self, names: Sequence[str]) -> tuple[Address, ...]:
        return tuple(self.scene.addresses[name] for name in names)

    def _stamp(self) -> int:
        return self.scene.loop.now // SECOND * SECOND

    def _wamid(self) -> str:
        return "wamid." + self.scene.loop.chance.randbytes(8).hex()

    def text(self, words: str, enter: Callable[[int, tuple[str, ...]], None], *, names: tuple[str, ...] = (),
             **flags: Any) -> Said:
        """A typed message."""
        names, at, wamid = names or self.named(), self._stamp(), self._wamid()
        item = InboundText(sender_ref=NUMBER_ID, key=("message", wamid), at=at, addresses=self._addresses(names),
                           message_id=wamid, text=words, **flags)
        return Said(item, names, lambda: enter(at, names))

    def tap(self, payload: str, label: str, enter: Callable[[int, tuple[str, ...]], None],
            context: str | None = None) -> Said:
        """A tap on a button."""
        names, at, wamid = self.named(), self._stamp(), self._wamid()
        item = InboundButton(sender_ref=NUMBER_ID, key=("message", wamid), at=at, addresses=self._addresses(names),
                             message_id=wamid, kind="button", payload=payload, label=label, context_id=context)
        return Said(item, names, lambda: enter(at, names))

    # -- what the judge enters -------------------------------------------------------------------------------------

    def no(self, kind: str, *cells: Cell) -> Callable[[int, tuple[str, ...]], None]:
        """A no of this kind."""
        def enter(at: int, names: tuple[str, ...]) -> None:
            self.scene.heard_no(No(kind, names[0], cells, at, self.scene.loop.now))
        return enter

    def lift(self, kind: str) -> Callable[[int, tuple[str, ...]], None]:
        """Something that lifts one kind of no only."""
        return lambda at, names: self.scene.truth.lifts.append((kind, names[0], at))

    def chat(self, at: int, names: tuple[str, ...]) -> None:
        """Words that mean nothing here, but are the first thing said."""
        self.scene.truth.chats.append((names[0], at, self.scene.loop.now))

    def starts(self, at: int, names: tuple[str, ...]) -> None:
        """START answers the question whether to stop, and ends a pause: it lifts these and nothing else."""
        self.chat(at, names)
        self.scene.truth.lifts += [("hold", names[0], at), ("pause", names[0], at)]

    def nothing(self, at: int, names: tuple[str, ...]) -> None:
        """Neither a yes nor a no."""

    def yes(self, request: str, *, bare: int = 0) -> Callable[[int, tuple[str, ...]], None]:
        """A yes to this request, if it comes in time."""
        def enter(at: int, names: tuple[str, ...]) -> None:
            event = self.scene.event(request)
            if event is None or at > int(event.facts["valid_until"]) + SKEW:
                return
            trial = any(cell.purpose == "trial" for cell in event.cells)
            left = self.scene.truth.left.get(names[0])
            self.scene.truth.yeses.append(Yes(
                names[0], event.cells, at, self.scene.loop.now, until=at + 24 * HOUR if trial else 0, bare=bare,
                alone=left is not None and at > left))
            self.scene.loop.count("yeses")
        return enter

    def bare_yes(self, at: int, names: tuple[str, ...]) -> None:
        """A yes without a quote answers the prompts of the last day, if it is the first thing said."""
        for request, prompted in self.scene.prompts.items():
            where, when = prompted
            if where in self.scene.truth.group(names[0]) and when - SKEW <= at <= when + 24 * HOUR + SKEW:
                self.yes(request, bare=when)(at, names)


def entered(scene: Scene, said: Sequence[Said], received: Received, spoiled: int) -> None:
    """The envelope is committed: the judge enters what each item of it was. A repetition is entered once."""
    if received.unhandled and (spoiled or len(said) > 1):
        return  # kept as unhandled and shown: it is no recorded fact
    for one in said:
        if one.recorded or received.unhandled:
            continue
        one.recorded = True
        scene.loop.count("items")
        scene.linked(one.names)
        one.enter()
    for one in said:
        scene.look(one.names[0])


@dataclass(slots=True)
class Mail:
    """WhatsApp's webhooks to the service."""

    scene: Scene
    servers: list[str]
    under_way: int = 0

    def post(self, *said: Said, prompt: bool = False) -> None:
        """Send an envelope: at once or late, once or more often; seldom it is lost altogether."""
        loop, chance = self.scene.loop, self.scene.loop.chance
        if loop.faults and not prompt and chance.random() < 0.02:
            loop.count("webhooks lost")
            loop.tell("whatsapp", f"loses {_kinds(said)}")
            return
        wait = 50_000 + chance.randrange(SECOND)
        if loop.faults and not prompt and chance.random() < 0.25:
            wait = chance.choice((20 * SECOND, 10 * MINUTE, 5 * HOUR, 50 * HOUR))
            loop.count("webhooks late")
        self._deliver(said, wait, 0)
        if loop.faults and chance.random() < 0.25:
            loop.count("webhooks twice")
            self._deliver(said, wait + chance.choice((0, 1_000, MINUTE, HOUR)), 0)

    def _deliver(self, said: Sequence[Said], wait: int, tries: int) -> None:
        self.under_way += 1
        taken: list[bool] = []
        server = self.scene.programs[self.scene.loop.chance.choice(self.servers)]

        def knock() -> None:
            if server.process.alive:
                self.scene.loop.spawn(server.process, "webhook", self._handle(server.process.name, said, taken))
            self.scene.loop.after(9 * SECOND, look)

        def look() -> None:
            self.under_way -= 1
            if not taken and tries < 40:
                self._deliver(said, AGAIN[min(tries, 3)] if self.scene.loop.faults else SECOND, tries + 1)

        self.scene.loop.after(wait, knock)

    def _handle(self, name: str, said: Sequence[Said], taken: list[bool]) -> Act:
        program, loop = self.scene.programs[name], self.scene.loop
        spoil = 0
        if loop.faults and len(said) == 1 and not said[0].recorded and loop.chance.random() < 0.02:
            spoil = 1 + loop.chance.randrange(12)
            loop.count("bad items")
        items = [one.item for one in said]
        connection = self.scene.workspace.connections["main"]
        loop.tell(name, f"gets {_kinds(said)}")
        try:
            result: Received = yield Write(
                lambda tx: inbound.receive(tx, program.kit, self.scene.workspace, connection, items, b"{}"),
                then=lambda received: entered(self.scene, said, received, spoil), spoil=spoil)
        except SaysoError:  # answered 503: it is sent again
            return
        loop.tell(name, f"took {result.done} repeated {result.repeated} unhandled {result.unhandled}")
        taken.append(True)


def _kinds(said: Sequence[Said]) -> str:
    names = [f"{type(one.item).__name__}({getattr(one.item, 'text', '') or getattr(one.item, 'value', '')})"
             for one in said]
    return f"{'+'.join(names)} of {said[0].names[0][-4:]}"


def arrives(human: Human, wamid: str, message: Outbound) -> None:
    """A message of the business or of Sayso is on the phone."""
    human.wamids.append(wamid)
    payloads = tuple(button if isinstance(button, str) else button[0] for button in getattr(message, "buttons", ()))
    if payloads:
        human.inbox.append((wamid, payloads[0].rsplit(":", 1)[1], payloads))
