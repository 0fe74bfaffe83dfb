"""Quiet failure is impossible: what nobody was told of is listed, counted, told to webhooks, and looked at."""

from __future__ import annotations

import threading

import pytest

from sayso.errors import NotFound, ProviderError
from sayso.flows import incidents, permits
from sayso.flows.incidents import Incident, Incidents
from sayso.worker import chores
from tests.cast import AMIRA, BRUNO, CHEN
from tests.receiver import listening, subscribe, teller
from tests.stores import World, neighbour, rows_of


def overview(world: World, *, every: bool = False) -> Incidents:
    return world.store.snapshot(lambda tx: incidents.overview(tx, world.kit, world.workspace.id, every=every))


def only(world: World) -> Incident:
    [found] = overview(world).data
    return found


def tidy(world: World) -> None:
    world.store.write(lambda tx: chores.tidy(tx, world.kit, [world.workspace.id]))


def acknowledge(world: World, incident: str, note: str = "") -> str:
    return world.store.write(lambda tx: incidents.acknowledge(tx, world.kit, world.workspace.id, incident, how="api",
                                                              note=note))


def test_nothing_is_listed_where_nothing_went_wrong(world: World) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    world.redeem(permit.id)
    world.done(permit.id)
    tidy(world)
    assert overview(world) == Incidents(open=dict.fromkeys(incidents.KINDS, 0), data=[], permits=[])


def test_permits_nobody_redeemed_are_counted_by_purpose_and_day(world: World) -> None:
    world.join(AMIRA, "JOIN ALL")
    for purpose, number in (("offers", 3), ("orders", 2)):
        for _ in range(number):
            world.permit(AMIRA, purpose)
    world.clock.go(901)
    tidy(world)
    tidy(world)
    counted = {(count.purpose, count.unredeemed) for count in overview(world).permits}
    assert counted == {("offers", 3), ("orders", 2)}
    world.clock.go(86_400)
    world.permit(AMIRA)
    world.clock.go(901)
    tidy(world)
    found = overview(world).permits
    assert [count.unredeemed for count in found if count.purpose == "offers"] == [1, 3]
    assert len({count.day for count in found}) == 2
    world.clock.go(31 * 86_400)
    assert overview(world).permits == []


def test_more_permits_than_one_batch_are_all_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chores, "UNUSED_BATCH", 2)
    world.join(AMIRA)
    for _ in range(5):
        world.permit(AMIRA)
    world.clock.go(901)
    tidy(world)
    assert [count.unredeemed for count in overview(world).permits] == [5]
    assert {row[8] for row in rows_of(world.store, "permits") if row[5] == "marketing"} == {"expired"}


@pytest.mark.parametrize("stops", [True, False])
def test_a_permit_nobody_reported_says_whether_the_person_stopped_meanwhile(world: World, stops: bool) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    world.redeem(permit.id)
    if stops:
        world.say(AMIRA, "STOP")
    world.clock.go(310)
    tidy(world)
    found = only(world)
    assert (found.kind, found.why, found.person) == ("breach", "unreported", world.person(AMIRA))
    assert found.facts["stopped_since"] is stops
    assert overview(world).open["breach"] == 1
    assert [count.unreported for count in overview(world).permits] == [1]
    assert world.sound()


def test_a_write_after_the_deadline_is_an_incident_and_goes_out(world: World) -> None:
    with listening() as receiver:
        subscribe(world, receiver.url, types=["incident.suspected", "incident.acknowledged"])
        world.join(AMIRA)
        permit = world.permit(AMIRA)
        world.redeem(permit.id)
        assert world.done(permit.id, offset_us=permits.LEASE + 1)
        assert (only(world).why, only(world).facts["stopped_since"]) == ("late_write", False)
        acknowledge(world, only(world).id)
        teller(world).settle()
        assert receiver.kinds == ["incident.suspected", "incident.acknowledged"]
        assert receiver.taken[0].data["facts"]["offset_us"] == permits.LEASE + 1


def test_a_message_that_may_have_been_sent_and_one_that_was_not_are_told_apart(world: World) -> None:
    world.wire.fail = [ProviderError("timed out", outcome="possibly_sent")]
    world.say(AMIRA, "JOIN")
    world.work()
    assert (only(world).kind, only(world).facts["message"]) == ("possibly_sent", "prompt")
    world.wire.fail = [ProviderError("no", provider_code=131009)]
    world.say(BRUNO, "JOIN")
    world.work()
    assert overview(world).open == {"breach": 0, "possibly_sent": 1, "parked": 1, "unhandled": 0}


def test_an_item_nobody_could_use_is_listed(world: World) -> None:
    world.deliver(world.text(AMIRA, "STOP", addresses=()))
    assert (only(world).kind, only(world).person) == ("unhandled", "")
    acknowledge(world, only(world).id)
    assert overview(world).data == []


def test_an_incident_somebody_looked_at_is_closed_once_and_stays_findable(world: World) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    world.redeem(permit.id)
    world.clock.go(310)
    tidy(world)
    incident = only(world).id
    event = acknowledge(world, incident, note="the worker was killed")
    assert acknowledge(world, incident) == event
    assert (overview(world).data, overview(world).open["breach"]) == ([], 0)
    [seen] = overview(world, every=True).data
    assert (seen.id, seen.acknowledged) == (incident, event)
    assert world.types(AMIRA).count("incident_acknowledged") == 1
    line = next(line for line in world.history(AMIRA) if line["type"] == "incident_acknowledged")
    assert (line["cause"], line["evidence"]) == (incident, {"note": "the worker was killed"})
    assert world.check(AMIRA).reason == "granted"
    assert world.sound()


def test_a_note_about_somebody_erased_is_not_kept(world: World) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    world.redeem(permit.id)
    world.clock.go(310)
    tidy(world)
    incident = only(world).id
    world.system.erase(world.workspace, AMIRA.address, how="request")
    acknowledge(world, incident, note="Amira called")
    assert rows_of(world.store, "openings") == [row for row in rows_of(world.store, "openings") if not row[2]]
    assert world.sound()


@pytest.mark.parametrize("incident", ["evt_nothing", "out_nothing", "unh_nothing", "", "x"])
def test_only_what_is_an_incident_can_be_acknowledged(world: World, incident: str) -> None:
    world.say(CHEN, "hello")
    with pytest.raises(NotFound):
        acknowledge(world, incident)
    facts = [row[1] for row in rows_of(world.store, "events")]
    with pytest.raises(NotFound):
        acknowledge(world, facts[-1])


def test_a_neighbour_sees_and_closes_none(world: World) -> None:
    other = neighbour(world)
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    world.redeem(permit.id)
    world.clock.go(310)
    tidy(world)
    assert overview(other).data == []
    with pytest.raises(NotFound):
        acknowledge(other, only(world).id)


def test_two_chores_at_once_count_each_permit_once(world: World) -> None:
    world.join(AMIRA)
    for _ in range(40):
        world.permit(AMIRA)
    world.clock.go(901)
    threads = [threading.Thread(target=tidy, args=(world,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    tidy(world)
    assert [count.unredeemed for count in overview(world).permits] == [40]
