"""After the calm: everything was said and done, and the database must agree with itself and with what happened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import apsw

from sayso.core import events, lifecycle
from sayso.core.events import Event
from sayso.core.lifecycle import Standing
from sayso.core.purposes import EVERYTHING
from sayso.flows import verify
from sayso.ports import MINUTE, SECOND
from sayso.simulate.people import Human
from sayso.simulate.truth import Violation

if TYPE_CHECKING:
    from sayso.simulate.run import Play

#: A STOP in calm weather is confirmed within the lease, the margin and a look of the worker.
CONFIRMED_WITHIN: Final = 20 * SECOND
#: Facts that a provider's item can become, each item one.
HEARD: Final = frozenset({"spoke", "said_stop", "said_yes", "said_no", "stop_suspected", "hold_released", "native_stop",
                          "native_resume", "opt_in_requested"})


def audit(play: Play) -> None:
    """All checks of the end. Raises Violation."""
    _queues(play)
    for human in play.humans:
        _last_stop(play, human)
    for human in play.humans:
        play.scene.look_now(human.user_id)
        if human.phone:
            play.scene.look_now(human.phone)
    facts, standings = _facts(play), _standings(play)
    _folds(play, facts, standings)
    _grants(play, standings)
    _counted_once(play, facts)
    _breaches(play, facts)
    _verified(play)
    if play.scene.loop.chance.random() < 0.25:
        _tampered(play)
        _unreadable(play)


def _queues(play: Play) -> None:
    """Nothing due waits, nothing is held by the dead, everything has its leaf."""
    scene = play.scene
    now = scene.database_now()
    stuck = scene.connection.execute(
        "select kind, state, problem from outbox where (state = 'queued' and run_at < ?) or state = 'claimed'",
        (now - MINUTE,)).fetchall()
    if stuck:
        raise Violation(0, f"the outbox still holds {stuck[0]}")
    waiting = scene.value("select count(*) from unintegrated")
    if waiting:
        raise Violation(0, f"{waiting} facts never got their leaf")
    if scene.value("select count(*) from permits where state = 'redeemed' and not_after < ?", now - 10 * MINUTE):
        raise Violation(3, "a redeemed permit was never closed nor reported")


def _last_stop(play: Play, human: Human) -> None:
    """In calm weather: say STOP, and be left alone, confirmed exactly once."""
    scene, loop = play.scene, play.scene.loop
    mine = [name for name in (human.phone, human.user_id) if name]
    reached = [name for name in mine if any(scene.check(name, cell).allowed for cell in scene.cells)]
    granted = bool(reached)
    before, seen = len(scene.truth.confirmed), dict(loop.counts).get("messages", 0)
    links = len(scene.truth.joined)
    names = (reached or mine)[:1]  # one address alone: naming both could merge records, and bring another's stop along
    play.send(human)
    said = human.text("STOP", human.no("stop", EVERYTHING), names=tuple(names))
    play.mail.post(said, prompt=True)
    loop.run(loop.now + CONFIRMED_WITHIN)
    if not said.recorded:
        raise Violation(0, "a STOP in calm weather was not recorded")
    told = len(scene.truth.confirmed) - before
    met = len(scene.truth.joined) != links  # a report of the message showed: they are one with who was told before
    if granted and told != 1 and not (met and told == 0):
        raise Violation(0, f"a STOP in calm weather was confirmed {told} times")
    play.mail.post(human.text("STOP", human.no("stop", EVERYTHING), names=tuple(names)), prompt=True)
    loop.run(loop.now + CONFIRMED_WITHIN)
    if len(scene.truth.confirmed) - before != told:
        raise Violation(2, "a STOP that changed nothing was confirmed")
    for name in names:
        if any(scene.check(name, cell).allowed for cell in scene.cells):
            raise Violation(1, "the gate allows after a recorded STOP")
    loop.tell("audit", f"{human.name} granted {granted} told {told} messages {loop.counts.get('messages', 0) - seen}")


def _facts(play: Play) -> dict[str, list[Event]]:
    """Facts by the record they now belong to."""
    found: dict[str, list[Event]] = {}
    for root, body in play.scene.connection.execute(
            "select p.root_id, e.body from events e join people p on p.person_id = e.person_id order by e.event_id"):
        found.setdefault(root, []).append(events.decode(bytes(body)))
    return found


def _standings(play: Play) -> dict[str, Standing]:
    return {person: lifecycle.decode(bytes(standing)) for person, standing in play.scene.connection.execute(
        "select person_id, standing from people where person_id = root_id order by person_id")}


def _folds(play: Play, facts_of: dict[str, list[Event]], standings: dict[str, Standing]) -> None:
    """The standing is the fold of the facts, whatever their order and repetition."""
    chance = play.scene.loop.chance
    for person, facts in facts_of.items():
        shuffled = [*facts, *chance.sample(facts, len(facts) // 2)]
        chance.shuffle(shuffled)
        if lifecycle.fold(shuffled) != standings[person]:
            raise Violation(5, f"the standing of {person} is not the fold of its facts in another order")


def _grants(play: Play, standings: dict[str, Standing]) -> None:
    """Every grant is a yes with evidence and with its wording, or a record with its reason."""
    for standing in standings.values():
        for mark in standing.grants:
            event = play.scene.event(mark.event)
            if event is None or not event.commit or not event.facts.get("notice_hash"):
                raise Violation(7, f"the grant {mark.event} has no evidence")


def _counted_once(play: Play, facts_of: dict[str, list[Event]]) -> None:
    """A provider's item became one fact, however often it came."""
    found: dict[tuple[str, int, str], int] = {}
    for facts in facts_of.values():
        for fact in facts:
            if fact.clock == "meta" and fact.type in HEARD and fact.facts.get("how") != "former_address":
                key = (fact.type, fact.occurred_at, fact.person)
                found[key] = found.get(key, 0) + 1
    recorded = play.scene.loop.counts.get("items", 0)
    if sum(found.values()) > recorded:
        raise Violation(5, f"{recorded} messages became {sum(found.values())} facts")


def _breaches(play: Play, facts_of: dict[str, list[Event]]) -> None:
    """Every write that began too late is on record as an incident."""
    known = {str(event.facts.get("permit")) for facts in facts_of.values() for event in facts
             if event.type == "breach_suspected"}
    silent = play.scene.truth.late - known
    if silent:
        raise Violation(3, f"the late write of permit {min(silent)} went unseen")


def _verified(play: Play) -> None:
    scene = play.scene
    report = scene.observer.store.read(lambda tx: verify.verify(tx, scene.observer.kit, scene.workspace.id))
    if report.problems:
        raise Violation(9, report.problems[0])


def _undone(connection: apsw.Connection) -> None:
    connection.execute("rollback")


def _tampered(play: Play) -> None:
    """One byte of one event is changed, and put back."""
    scene, chance = play.scene, play.scene.loop.chance
    ids = [row[0] for row in scene.connection.execute("select event_id from events order by event_id")]
    chosen = chance.choice(ids)
    body = bytearray(scene.value("select body from events where event_id = ?", chosen))
    place = chance.randrange(len(body))
    body[place] ^= 1 << chance.randrange(8)
    scene.connection.execute("begin")
    scene.connection.execute("update events set body = ? where event_id = ?", (bytes(body), chosen))
    report = scene.observer.store.read(lambda tx: verify.verify(tx, scene.observer.kit, scene.workspace.id))
    _undone(scene.connection)
    if not report.problems:
        raise Violation(9, f"byte {place} of event {chosen} was changed, and verify found nothing")


def _unreadable(play: Play) -> None:
    """A row that cannot be read denies."""
    scene = play.scene
    scene.connection.execute("begin")
    scene.connection.execute("update people set standing = ?", (b'[["broken"]]',))
    wrong = [name for name in sorted(scene.addresses) for cell in scene.cells if scene.check(name, cell).allowed]
    _undone(scene.connection)
    if wrong:
        raise Violation(4, "an unreadable record is allowed")
