"""The repertoire: everything a person, their phone or the office may do, drawn by weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from sayso.channels.base import InboundOther, NativePreference, NumberChanged
from sayso.core import identity
from sayso.core.purposes import ALL_MARKETING, EVERYTHING
from sayso.flows.confirm import STOP_ID, YES_ID
from sayso.simulate.business import Business
from sayso.simulate.installation import NUMBER_ID
from sayso.simulate.people import Human, Said

if TYPE_CHECKING:
    from sayso.simulate.loop import Act
    from sayso.simulate.run import Play

Doing = Callable[["Play", Human], None]


def act(play: Play, human: Human) -> None:
    """One act. Somebody who was just asked mostly answers; somebody who is in mostly stays a while."""
    chance = play.scene.loop.chance
    if human.inbox and chance.random() < 0.35:
        _answers(play, human)
        return
    name = chance.choices(tuple(ACTS), WEIGHTS)[0]
    play.scene.loop.tell(human.name, name)
    ACTS[name](play, human)


def _answers(play: Play, human: Human) -> None:
    """A tap on a button of ours, a quote, or the same button again, days later."""
    chance = play.scene.loop.chance
    wamid, request, payloads = chance.choice(human.inbox[-3:])
    first, second = payloads[0], payloads[-1]
    play.scene.loop.tell(human.name, f"answers {first.rsplit(':', 1)[0]}")
    if first.startswith(STOP_ID):
        keep = chance.random() < 0.6
        said = human.tap(second, "Keep", human.lift("hold")) if keep else \
            human.tap(first, "Stop", human.no("stop", EVERYTHING))
    elif chance.random() < 0.2:
        said = human.text("yes", human.yes(request), context_id=wamid)
    elif chance.random() < 0.85:
        said = human.tap(first, "Yes, I agree", human.yes(request), wamid)
    else:
        event = play.scene.event(request)
        cells = event.cells if event else ()
        said = human.tap(second, "No, thanks", human.no("stop", *cells), wamid)
    play.mail.post(said)


def _says(words: str, entering: str, **flags: Any) -> Doing:
    def do(play: Play, human: Human) -> None:
        play.mail.post(human.text(words, getattr(human, entering), **flags))
    return do


def _stops(words: str) -> Doing:
    def do(play: Play, human: Human) -> None:
        play.mail.post(human.text(words, human.no("stop", EVERYTHING)))
        play.send(human, play.scene.loop.chance.randrange(1_500_000))
    return do


def _weak_stop(play: Play, human: Human) -> None:
    """Somebody else's words: a hold, and a question."""
    play.mail.post(human.text("STOP", human.no("hold", ALL_MARKETING), forwarded=True))


def _promotions(play: Play, human: Human) -> None:
    play.mail.post(human.tap("Stop promotions", "Stop promotions", human.no("stop", ALL_MARKETING)))


def _switch(play: Play, human: Human) -> None:
    """WhatsApp's own switch, off or on again."""
    value = "resume" if human.off else "stop"
    human.off = not human.off
    names, at = human.named(), play.scene.loop.now // 1_000_000 * 1_000_000
    item = NativePreference(sender_ref=NUMBER_ID, key=("preference", human.name, value, str(at)), at=at,
                            addresses=tuple(play.scene.addresses[name] for name in names), value=value,
                            category="marketing_messages")
    enter = human.no("native", ALL_MARKETING) if value == "stop" else human.lift("native")
    play.mail.post(Said(item, names, lambda: enter(at, names)))


def _two_at_once(play: Play, human: Human) -> None:
    """Two items in one envelope, said within the same second, in either order."""
    items = [human.text("STOP", human.no("stop", EVERYTHING)), human.text("JOIN", human.chat)]
    play.scene.loop.chance.shuffle(items)
    play.mail.post(*items)


def _with_another(play: Play, human: Human) -> None:
    """An envelope with an item nobody can read beside a stop: the stop counts."""
    other = play.scene.loop.chance.choice(play.humans)
    play.mail.post(human.text("STOP", human.no("stop", EVERYTHING)), other.text("nice shop", other.chat))


def _yes_and_stop(play: Play, human: Human) -> None:
    """Yes and stop in the same second: a tie goes to the stop."""
    if human.inbox:
        wamid, request, payloads = human.inbox[-1]
        if payloads[0].startswith(YES_ID):
            play.mail.post(human.tap(payloads[0], "Yes", human.yes(request), wamid))
    play.mail.post(human.text("STOP", human.no("stop", EVERYTHING)))


def _strangers_button(play: Play, human: Human) -> None:
    """A payload that was shown to somebody else."""
    other = play.scene.loop.chance.choice(play.humans)
    if other is not human and other.inbox:
        play.mail.post(human.tap(YES_ID + other.inbox[-1][1], "Yes", human.nothing))


def _both_addresses(play: Play, human: Human) -> None:
    """A message that names number and user id: from now on they are one person's."""
    human.apart = False
    names = tuple(name for name in (human.phone, human.user_id) if name)
    play.mail.post(human.text("hello again", human.chat, names=names))


def _apart(play: Play, human: Human) -> None:
    """A message under the user id alone; who wrote it is not linked by it."""
    play.mail.post(human.text("STOP", human.no("stop", EVERYTHING), names=(human.user_id,)))


def _joins_by_user_id(play: Play, human: Human) -> None:
    play.mail.post(human.text("JOIN", human.chat, names=(human.user_id,)))


def _picture(play: Play, human: Human) -> None:
    names, at = human.named(), play.scene.loop.now // 1_000_000 * 1_000_000
    wamid = "wamid." + play.scene.loop.chance.randbytes(8).hex()
    item = InboundOther(sender_ref=NUMBER_ID, key=("message", wamid), at=at, message_id=wamid, kind="image",
                        addresses=tuple(play.scene.addresses[name] for name in names))
    play.mail.post(Said(item, names, lambda: human.chat(at, names)))


def _moves(play: Play, human: Human) -> None:
    """A new number. The old one goes to somebody who may say stop there, and whose yes is their own."""
    if not human.phone or human.old:
        return
    old, new = human.phone, f"+44770090{20 + play.humans.index(human)}77"
    play.scene.addresses[new] = identity.phone(new)
    play.wire.humans[new] = human
    human.phone, human.old = new, old
    at = play.scene.loop.now // 1_000_000 * 1_000_000
    wamid = "wamid." + play.scene.loop.chance.randbytes(8).hex()
    item = NumberChanged(sender_ref=NUMBER_ID, key=("system", wamid), at=at, message_id=wamid,
                         addresses=(play.scene.addresses[old],), old=(play.scene.addresses[old],),
                         new=(play.scene.addresses[new],))

    def enter() -> None:
        if play.scene.is_former(old):  # of a number nobody knew there was nothing to carry over
            play.scene.linked((old, new))
            play.scene.truth.left[old] = at

    play.mail.post(Said(item, (old,), enter))


def _old_number(play: Play, human: Human) -> None:
    """Whoever has the old number says stop there."""
    if human.old:
        play.mail.post(human.text("STOP", human.no("stop", EVERYTHING), names=(human.old,)))


def _office(doing: Callable[..., Act], *more: object) -> Doing:
    def do(play: Play, human: Human) -> None:
        chance = play.scene.loop.chance
        program = play.scene.programs[chance.choice(("server", "other", "till"))]
        address = chance.choice([name for name in (human.phone, human.user_id) if name])
        if program.process.alive:
            play.scene.loop.spawn(program.process, "office", doing(play.business, program, address, *more))
    return do


def _narrow(play: Play, human: Human) -> None:
    _office(Business.opts_out, play.scene.cell(play.scene.loop.chance.choice(("offers", "orders"))))(play, human)


def _by(name: str, *more: object) -> Doing:
    def do(play: Play, human: Human) -> None:
            _office(getattr(Business, name), *more)(play, human)
    return do


def _campaign(play: Play, human: Human) -> None:
    for _ in range(3):
        play.send(human, play.scene.loop.chance.randrange(3_000_000))


ACTS: Final[dict[str, Doing]] = {
    "joins": _says("JOIN", "chat"), "joins all": _says("JOIN ALL", "chat"), "joins the trial": _says("TRIAL", "chat"),
    "joins by user id": _joins_by_user_id,
    "says yes": _says("yes", "bare_yes"), "forwards a yes": _says("yes", "chat", forwarded=True),
    "chats": _says("where is my order?", "chat"), "sends a picture": _picture, "START": _says("START", "starts"),
    "STOP": _stops("STOP"), "stop in Spanish": _stops("STOP!"), "STOP under the user id": _apart,
    "stops promotions": _promotions, "forwards a stop": _weak_stop, "switches in WhatsApp": _switch,
    "stop and join at once": _two_at_once, "stop beside another": _with_another, "yes and stop": _yes_and_stop,
    "taps a stranger's button": _strangers_button, "names both addresses": _both_addresses, "moves": _moves,
    "the old number stops": _old_number,
    "opts out by API": _by("opts_out", EVERYTHING), "a narrow opt-out": _narrow, "an import says stop":
    _by("opts_out", ALL_MARKETING, "import"), "the website asks": _by("asks"), "a clerk's yes": _by("writes_down"),
    "asks for silence": _by("pauses"), "is erased": _by("erases"), "a campaign": _campaign,
}  # fmt: skip
WEIGHTS: Final = (12, 8, 4, 4, 9, 3, 5, 1, 2, 6, 1, 5, 2, 3, 4, 1, 1, 2, 1, 5, 4, 4, 3, 2, 2, 4, 3, 2, 2, 12)
