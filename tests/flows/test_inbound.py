"""One envelope: each item counts once and alone, what nobody can use is kept, a failing database fails all of it."""

from __future__ import annotations

import dataclasses

import pytest

from sayso.channels.base import ContactCard, Unhandled
from sayso.core import identity
from sayso.errors import Unavailable
from sayso.flows import inbound
from sayso.flows.heard import Heard
from sayso.store.base import Transient
from tests.cast import AMIRA, BRUNO, CHEN, DANA
from tests.stores import World, rows_of


def test_every_item_of_an_envelope_counts_once_however_often_it_comes(world: World) -> None:
    items = [world.text(AMIRA, "JOIN"), world.text(BRUNO, "STOP"), world.text(CHEN, "hello")]
    assert world.deliver(*items).done == 3
    before = len(rows_of(world.store, "events"))
    for again in (items, items[::-1], items * 3):
        received = world.deliver(*again)
        assert (received.done, received.repeated, received.unhandled) == (0, len(again), 0)
    assert len(rows_of(world.store, "events")) == before


def test_an_item_that_fails_leaves_its_siblings(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = world.text(CHEN, "boom")
    real = inbound.HANDLERS[type(broken)]

    def explode(heard: Heard, item: object) -> None:
        real(heard, item)
        if getattr(item, "text", "") == "boom":
            raise RuntimeError("7700900123")

    monkeypatch.setattr(inbound, "HANDLERS", {**inbound.HANDLERS, type(broken): explode})
    received = world.deliver(world.text(AMIRA, "STOP"), broken, world.text(BRUNO, "STOP"), raw=b'{"the": "envelope"}')
    assert (received.done, received.unhandled) == (2, 1)
    assert [world.check(who).reason for who in (AMIRA, BRUNO, CHEN)] == ["stopped_all", "stopped_all", "unknown_person"]
    assert world.unhandled() == ["failed: RuntimeError"]
    monkeypatch.undo()
    assert world.deliver(broken).done == 1  # the provider sends it again, and now it can be read
    assert world.sound()


def test_a_failing_database_fails_the_whole_envelope(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    item = world.text(BRUNO, "hello")
    real = inbound.HANDLERS[type(item)]

    def fail(heard: Heard, item: object) -> None:
        if getattr(item, "text", "") == "boom":
            raise Transient("disk full")
        real(heard, item)

    monkeypatch.setattr(inbound, "HANDLERS", {**inbound.HANDLERS, type(item): fail})
    envelope = [world.text(AMIRA, "STOP"), world.text(BRUNO, "boom")]
    with pytest.raises(Unavailable):
        world.deliver(*envelope)
    assert world.check(AMIRA).reason == "unknown_person"
    monkeypatch.undo()
    assert world.deliver(*envelope).done == 2
    assert world.check(AMIRA).reason == "stopped_all"


def test_an_unknown_number_is_kept_and_seen(world: World) -> None:
    item = world.text(AMIRA, "STOP")
    stray = dataclasses.replace(item, sender_ref="999")
    assert world.deliver(stray).unhandled == 1
    assert world.deliver(stray).unhandled == 1
    assert world.unhandled() == ["unknown phone_number_id"]
    assert world.check(AMIRA).reason == "unknown_person"


def test_what_the_channel_could_not_read_is_kept_sealed(world: World) -> None:
    raw = b'{"secret": "+447700900123"}'
    world.deliver(Unhandled(sender_ref="", key=("unhandled", "1"), at=0, raw=raw, reason="unknown type", field="poll"))
    assert world.unhandled() == ["unknown type"]
    row = rows_of(world.store, "unhandled")[0]
    assert b"7700900123" not in bytes(row[5])
    opened = world.kit.vault.unseal_workspace(world.workspace.id, bytes(row[5]), row[1].encode())
    assert opened == raw


def test_a_message_that_names_nobody_is_kept(world: World) -> None:
    assert world.deliver(world.text(AMIRA, "STOP", addresses=())).unhandled == 1
    assert world.unhandled() == ["nobody is named"]


def test_what_means_nothing_opens_the_window_and_its_text_is_not_kept(world: World) -> None:
    world.say(AMIRA, "my knee hurts, is there a way to stop the pain?")
    world.show(BRUNO)
    assert [world.check(who, "support").reason for who in (AMIRA, BRUNO, CHEN)] == ["in_window", "in_window",
                                                                                   "unknown_person"]
    assert world.said(AMIRA) == ["spoke"]
    assert all("text" not in line["evidence"] for line in world.history(AMIRA))


def test_help_is_answered_once_in_ten_minutes(world: World) -> None:
    world.clock.go(600 - world.clock.time // 1_000_000 % 600)
    for _ in range(5):
        world.say(AMIRA, "HELP")
    assert len(world.work()) == 1
    world.clock.go(600)
    world.say(AMIRA, "help")
    assert ["STOP" in letter.body for letter in world.work()] == [True]


def test_a_contact_card_we_asked_for_links_the_number_on_it(world: World) -> None:
    world.join(DANA)
    number = identity.phone("+447700900777")
    world.deliver(ContactCard(sender_ref=world.workspace.senders["shop"].phone_number_id, key=("message", "card"),
                              at=world.stamp(), addresses=DANA.addresses, message_id="card", card=(number,)))
    assert world.check(number).reason == "granted"
    world.say(DANA, "STOP")
    assert world.check(number).reason == "stopped_all"


def test_other_statuses_than_failed_change_nothing(world: World) -> None:
    world.join(AMIRA)
    before = len(rows_of(world.store, "events"))
    for status in ("sent", "delivered", "read"):
        assert world.status(world.wire.last.message_id, status, addresses=AMIRA.addresses).done == 1
    assert len(rows_of(world.store, "events")) == before


def test_an_unknown_preference_is_kept_and_grants_nothing(world: World) -> None:
    world.native(AMIRA, "stop")
    world.native(AMIRA, "signup")
    assert world.unhandled() == ["unknown preference"]
    assert world.check(AMIRA).reason == "stopped_on_whatsapp"


@pytest.mark.parametrize("label", ["STOP", "Stop promotions", "Unsubscribe"])
def test_a_button_of_a_campaign_that_says_stop_is_a_stop(lone_world: World, label: str) -> None:
    world = lone_world
    world.join(AMIRA)
    world.tap(AMIRA, "some-payload", label)
    assert world.check(AMIRA).reason in {"stopped_all", "stopped"}
    assert len(world.work()) == 1


def test_a_yes_that_quotes_something_else_is_no_yes_to_the_question(world: World) -> None:
    world.say(AMIRA, "JOIN")
    world.work()
    world.say(AMIRA, "yes", context_id="wamid.of.an.order")
    assert world.check(AMIRA).reason == "pending"
    assert world.sound()
