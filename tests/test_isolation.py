"""Workspaces never see or affect each other: two businesses in one database, one person who writes to both."""

from __future__ import annotations

import pytest

from sayso.core.identity import Address
from sayso.errors import NotFound
from sayso.flows import permits, proof, rights
from tests.cast import AMIRA, BRUNO, CHEN
from tests.stores import World, neighbour, rows_of


@pytest.fixture
def other(world: World) -> World:
    """The business where Olga works."""
    return neighbour(world)


def rows_of_workspace(world: World) -> dict[str, list[str]]:
    """Everything stored of one business."""
    tables = ("people", "addresses", "events", "openings", "outbox", "permits", "leaves", "nodes", "checkpoints",
              "provider_messages", "handed_over", "unhandled", "suppressions")
    return {table: sorted(repr(row) for row in rows_of(world.store, table) if row[0] == world.workspace.id)
            for table in tables}


def test_a_yes_to_one_business_is_nothing_to_another(world: World, other: World) -> None:
    world.join(AMIRA)
    assert world.check(AMIRA).reason == "granted"
    assert other.check(AMIRA).reason == "unknown_person"


def test_a_stop_to_one_business_leaves_the_other_alone(world: World, other: World) -> None:
    world.join(AMIRA)
    other.join(AMIRA)
    other.say(AMIRA, "STOP")
    assert (world.check(AMIRA).reason, other.check(AMIRA).reason) == ("granted", "stopped_all")


def test_the_same_address_has_another_key_at_each_business(world: World, other: World) -> None:
    world.say(AMIRA, "hello")
    other.say(AMIRA, "hello")
    macs = [bytes(row[1]) for row in rows_of(world.store, "addresses")]
    assert len(macs) == len(set(macs)) == 4


def test_a_button_of_one_business_says_nothing_to_another(world: World, other: World) -> None:
    world.say(AMIRA, "JOIN")
    prompt = world.question()
    other.say(AMIRA, "JOIN")
    other.work()
    other.tap(AMIRA, prompt.button(0))
    assert other.check(AMIRA).reason == "pending"
    assert world.check(AMIRA).reason == "pending"
    other.say(AMIRA, "yes please!!", context_id=prompt.message_id)
    assert other.check(AMIRA).reason == "pending"


def test_nobody_redeems_finishes_or_proves_what_belongs_to_another(world: World, other: World) -> None:
    world.join(AMIRA)
    permit = world.permit(AMIRA)
    with pytest.raises(NotFound):
        other.redeem(permit.id)
    world.redeem(permit.id)
    with pytest.raises(NotFound):
        other.done(permit.id)
    yes = world.store.read(lambda tx: proof.newest_yes(tx, world.kit, world.workspace.id, AMIRA.address))
    with pytest.raises(NotFound):
        other.store.read(lambda tx: proof.receipt(tx, other.kit, other.workspace, yes))
    with pytest.raises(NotFound):
        other.history(AMIRA)
    with pytest.raises(NotFound):
        other.store.write(lambda tx: rights.erase(tx, other.kit, other.workspace.id, AMIRA.address, how="api"))
    assert world.check(AMIRA).reason == "granted"


def test_the_same_provider_message_id_counts_once_at_each_business(world: World, other: World) -> None:
    for business in (world, other):
        assert business.say(AMIRA, "STOP", message_id="wamid.same").done == 1
        assert business.say(AMIRA, "STOP", message_id="wamid.same").done == 0


def test_an_envelope_for_a_number_of_another_business_is_kept_as_unhandled(world: World, other: World) -> None:
    world.join(AMIRA)
    forged = other.text(AMIRA, "STOP")
    assert world.deliver(forged).unhandled == 1
    assert world.unhandled() == ["unknown phone_number_id"]
    assert world.check(AMIRA).reason == "granted"
    assert other.unhandled() == []


def test_nothing_one_business_does_changes_a_row_of_another(world: World, other: World) -> None:
    for who in (AMIRA, BRUNO):
        world.join(who)
    world.work()
    before = rows_of_workspace(world)
    other.join(AMIRA)
    other.say(BRUNO, "STOP")
    other.moved(AMIRA.addresses, CHEN.addresses)
    other.status("wamid.x", "failed", 131050, addresses=BRUNO.addresses)
    other.native(CHEN, "stop")
    other.store.write(lambda tx: rights.erase(tx, other.kit, other.workspace.id, CHEN.address, how="api"))
    other.work()
    assert rows_of_workspace(world) == before


def test_each_business_has_a_ledger_of_its_own(world: World, other: World) -> None:
    world.join(AMIRA)
    other.join(BRUNO)
    assert world.sound()
    assert other.sound()
    assert world.verify().root != other.verify().root
    notes = {row[0]: row[3] for row in rows_of(world.store, "checkpoints")}
    assert all(ws in note for ws, note in notes.items())


def test_an_erasure_at_one_business_suppresses_nothing_at_another(world: World, other: World) -> None:
    world.join(AMIRA)
    other.join(AMIRA)
    world.store.write(lambda tx: rights.erase(tx, world.kit, world.workspace.id, AMIRA.address, how="api"))
    assert (world.check(AMIRA).reason, other.check(AMIRA).reason) == ("suppressed", "granted")


def test_a_permit_for_somebody_of_another_business_is_not_given(world: World, other: World) -> None:
    world.join(AMIRA)

    def issue(address: Address) -> object:
        return other.store.write(lambda tx: permits.issue(tx, other.kit, other.workspace, address, other.cell()))[1]

    assert issue(AMIRA.address) is None
