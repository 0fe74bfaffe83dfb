"""Webhooks out: signed as Standard Webhooks says, in each person's order, again until they are taken."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from cloudevents.core.bindings.http import HTTPMessage, from_structured
from cloudevents.core.formats.json import JSONFormat
from standardwebhooks.webhooks import Webhook as Verifier
from standardwebhooks.webhooks import WebhookVerificationError

from sayso.core import identity
from sayso.core.identity import Address
from sayso.flows import announce, receivers
from sayso.flows.receivers import WebhookShown
from sayso.ports import SECOND
from sayso.worker import deliveries
from tests.cast import AMIRA, BRUNO, CHEN, DANA
from tests.receiver import OLD_SECRET, SECRET, Got, Receiver, listening, subscribe, teller
from tests.stores import World, declaration, neighbour, rows_of, run_sql, settle_in

HOUR = 3600


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with listening() as receiver:
        yield receiver


def stranger(number: int) -> Address:
    return identity.phone(f"+447700900{number:03}")


def shown(world: World) -> WebhookShown:
    [found] = world.store.read(lambda tx: receivers.shown(tx, world.workspace))
    return found


def about(world: World, got: list[Got]) -> list[tuple[str, str]]:
    """(person's name, type) of each delivery about somebody of the cast."""
    names = {}
    for who in (AMIRA, BRUNO, CHEN, DANA):
        try:
            names[world.person(who)] = who.name
        except AssertionError:
            continue
    return [(names[one.event["subject"]], one.kind) for one in got if one.event.get("subject") in names]


# -- what is told ------------------------------------------------------------------------------------------------------


def test_a_yes_and_a_stop_are_told_with_the_states_they_led_to(world: World, receiver: Receiver) -> None:
    subscribe(world, receiver.url)
    world.join(AMIRA)
    world.say(AMIRA, "STOP")
    teller(world).settle()
    assert [kind for _, kind in about(world, receiver.taken)] == [
        "person.changed", "consent.requested", "consent.granted", "consent.withdrawn"]
    granted, stopped = receiver.taken[-2:]
    [cell] = [cell for cell in granted.data["cells"] if cell["purpose"] == "offers"]
    assert cell == {"purpose": "offers", "sender": "shop", "class": "marketing", "state": "granted", "was": "pending",
                    "allowed": True, "reason": "granted"}
    assert {(cell["purpose"], cell["state"], cell["allowed"]) for cell in stopped.data["cells"]} >= {
        ("offers", "withdrawn", False), ("orders", "withdrawn", False)}
    assert stopped.data["scope"] == [{"purpose": "*", "sender": "*", "class": "*"}]
    assert granted.event["source"] == f"/sayso/{world.kit.vault.installation_id}/{world.workspace.id}"
    assert [got.data["leaf"] for got in receiver.taken] == sorted(got.data["leaf"] for got in receiver.taken)


def test_no_number_and_no_word_goes_out_unless_the_number_was_asked_for(world: World, receiver: Receiver) -> None:
    subscribe(world, receiver.url)
    world.join(AMIRA)
    world.say(AMIRA, "STOP it, please")
    teller(world).settle()
    sent = b"".join(got.body for got in receiver.got)
    for secret in (AMIRA.phone, AMIRA.phone.removeprefix("+"), AMIRA.user_id, "STOP it", "wamid"):
        assert secret.encode() not in sent
    subscribe(world, receiver.url, addresses=True)
    world.say(AMIRA, "STOP")
    teller(world).settle()
    assert receiver.taken[-1].data["address"] == {"kind": "phone", "value": AMIRA.phone}


def test_nothing_is_told_of_the_address_of_somebody_erased_before_it_went_out(world: World, receiver: Receiver) -> None:
    subscribe(world, receiver.url, addresses=True)
    world.say(AMIRA, "STOP")
    world.system.erase(world.workspace, AMIRA.address, how="request")
    teller(world).settle()
    assert receiver.kinds[-2:] == ["consent.withdrawn", "person.erased"]
    assert AMIRA.phone.encode() not in b"".join(got.body for got in receiver.got)
    assert [got.data["address"] for got in receiver.taken if "subject" in got.event] == [None] * 3


def test_a_yes_that_granted_nothing_is_never_told_as_a_grant(world: World, receiver: Receiver) -> None:
    subscribe(world, receiver.url, types=["consent.granted"])
    world.say(AMIRA, "JOIN")
    payload = world.question().button(0)
    tapped_at = world.stamp()
    world.clock.go(10)
    world.say(AMIRA, "STOP")
    world.tap(AMIRA, payload, at=tapped_at)  # comes late
    teller(world).settle()
    assert world.check(AMIRA).reason == "stopped_all"
    assert [cell["allowed"] for got in receiver.taken for cell in got.data["cells"]].count(True) == 0
    world.join(BRUNO)
    teller(world).settle()
    assert about(world, receiver.taken)[-1] == ("Bruno", "consent.granted")


def test_what_is_told_of_a_fact_does_not_depend_on_what_came_later(world: World, receiver: Receiver) -> None:
    subscribe(world, receiver.url)
    world.join(AMIRA)
    teller(world).settle()
    first = [got.event for got in receiver.taken]
    receiver.taken.clear()
    world.store.write(lambda tx: receivers.replay(tx, world.kit, world.workspace, "crm"))
    world.say(AMIRA, "STOP")
    teller(world).settle()
    again = {got.event["id"]: got for got in receiver.taken}
    granted = next(got for got in again.values() if got.kind == "consent.granted")
    assert [cell["state"] for cell in granted.data["cells"]] == ["granted"]
    assert {got["id"] for got in first} <= set(again)
    for then in first:
        now = again[then["id"]].event
        for told in (then, now):
            told["data"].pop("epoch", None)  # the one thing that is of today
        assert now == then


# -- signatures --------------------------------------------------------------------------------------------------------


def test_other_peoples_libraries_verify_and_parse_a_delivery(world: World, receiver: Receiver) -> None:
    world.clock.time = time.time_ns() // 1000  # the library compares with the machine's clock
    subscribe(world, receiver.url)
    world.say(AMIRA, "STOP")
    teller(world).settle()
    got = receiver.taken[-1]
    assert Verifier(SECRET).verify(got.body, dict(got.headers)) == got.event
    with pytest.raises(WebhookVerificationError):
        Verifier(SECRET).verify(got.body.replace(b"withdrawn", b"granted__"), dict(got.headers))
    with pytest.raises(WebhookVerificationError):
        Verifier(OLD_SECRET).verify(got.body, dict(got.headers))
    read = from_structured(HTTPMessage(headers=dict(got.headers), body=got.body), JSONFormat())
    assert (read.get_type(), read.get_id()) == ("sayso.consent.withdrawn", got.headers["webhook-id"])
    assert read.get_subject() == world.person(AMIRA)


def test_while_a_secret_is_changed_both_verify(world: World, receiver: Receiver) -> None:
    world.clock.time = time.time_ns() // 1000
    world.system.environ["OLD_HOOK"] = OLD_SECRET
    subscribe(world, receiver.url, previous_secret={"env": "OLD_HOOK"})
    world.say(AMIRA, "STOP")
    teller(world).settle()
    got = receiver.taken[-1]
    for secret in (SECRET, OLD_SECRET):
        assert Verifier(secret).verify(got.body, dict(got.headers))


def test_without_a_good_secret_nothing_goes_out_and_nothing_is_lost(world: World, receiver: Receiver) -> None:
    subscribe(world, receiver.url)
    for value, problem in (("", "no_secret"), ("plain", "bad_secret")):
        world.system.environ["ACME_HOOK"] = value
        world.clock.go(61)
        world.say(AMIRA, "STOP")
        teller(world).settle()
        assert (receiver.got, shown(world).last_error) == ([], problem)
    world.system.environ["ACME_HOOK"] = SECRET
    world.clock.go(61)
    teller(world).settle()
    assert receiver.kinds.count("consent.withdrawn") == 2
    assert shown(world).lag == 0


# -- retries and order -------------------------------------------------------------------------------------------------


def test_a_later_fact_of_a_person_waits_for_an_earlier_one_and_others_go_on(world: World, receiver: Receiver) -> None:
    subscribe(world, receiver.url, types=["consent.requested", "consent.granted", "consent.withdrawn"])
    amira_fails = [True]
    world.say(AMIRA, "JOIN")
    amira = world.person(AMIRA)
    receiver.answer = lambda got: 500 if amira_fails and got.event.get("subject") == amira else 200
    world.tap(AMIRA, world.question().button(0))
    world.join(BRUNO)
    teller(world, senders=4).settle()
    assert about(world, receiver.taken) == [("Bruno", "consent.requested"), ("Bruno", "consent.granted")]
    assert about(world, receiver.got).count(("Amira", "consent.requested")) == 1
    assert (shown(world).waiting, shown(world).people, shown(world).lag) == (2, 1, 0)
    amira_fails.clear()
    world.say(AMIRA, "STOP")
    teller(world).settle()
    assert ("Amira", "consent.withdrawn") not in about(world, receiver.taken)
    world.clock.go(5)
    teller(world).settle()
    assert about(world, receiver.taken)[2:] == [
        ("Amira", "consent.requested"), ("Amira", "consent.granted"), ("Amira", "consent.withdrawn")]
    assert (shown(world).waiting, rows_of(world.store, "webhook_waits")) == (0, [])


def test_the_tries_follow_the_schedule_under_one_id_and_end(world: World, receiver: Receiver) -> None:
    subscribe(world, receiver.url, types=["consent.withdrawn"])
    receiver.answer = lambda got: 500 if got.event["subject"] == chen else 200
    world.say(CHEN, "STOP")
    chen = world.person(CHEN)
    teller(world).settle()
    for tries, wait in enumerate(deliveries.RETRY_AFTER, 1):
        assert len(receiver.got) == tries
        world.clock.go(wait / SECOND - 1)
        teller(world).settle()
        assert len(receiver.got) == tries
        world.clock.go(1)
        teller(world).settle()
    assert len(receiver.got) == 10
    assert len({got.headers["webhook-id"] for got in receiver.got}) == 1
    assert len({got.headers["webhook-timestamp"] for got in receiver.got}) == 10
    assert (shown(world).given_up, shown(world).waiting, shown(world).last_error) == (1, 0, "http_500")
    world.say(BRUNO, "STOP")
    teller(world).settle()
    assert (shown(world).delivered, shown(world).failing_since) == (1, 0)


@pytest.mark.parametrize("status", [301, 302, 307, 308, 400, 401, 404, 500, 502])
def test_whatever_is_no_2xx_is_a_failure_and_no_redirect_is_followed(lone_world: World, receiver: Receiver,
                                                                     status: int) -> None:
    world = lone_world
    subscribe(world, receiver.url, types=["consent.withdrawn"])
    receiver.answer = lambda _: (status, {"location": receiver.url + "/elsewhere"})
    world.say(BRUNO, "STOP")
    teller(world).settle()
    assert len(receiver.got) == 1
    assert (shown(world).last_error, shown(world).waiting) == (f"http_{status}", 1)


def test_410_disables_it_until_it_is_enabled_and_then_it_hears_of_everything(world: World, receiver: Receiver) -> None:
    subscribe(world, receiver.url, types=["consent.withdrawn"])
    receiver.answer = lambda _: 410
    world.say(AMIRA, "STOP")
    teller(world).settle()
    assert shown(world).disabled_why == "gone"
    receiver.answer = lambda _: 200
    world.say(BRUNO, "STOP")
    world.clock.go(90 * HOUR)
    teller(world).settle()
    assert (len(receiver.got), shown(world).lag > 0) == (1, True)
    world.store.write(lambda tx: receivers.enable(tx, world.workspace, "crm"))
    teller(world).settle()
    assert sorted(about(world, receiver.taken)) == [("Amira", "consent.withdrawn"), ("Bruno", "consent.withdrawn")]


def test_five_days_without_a_success_disable_it(world: World, receiver: Receiver) -> None:
    subscribe(world, receiver.url, types=["consent.withdrawn"])
    receiver.answer = lambda _: 503
    world.say(AMIRA, "STOP")
    teller(world).settle()
    world.clock.go(5 * 24 * HOUR)
    teller(world).settle()
    assert shown(world).disabled_why == ""
    world.clock.go(1)
    world.say(BRUNO, "STOP")
    teller(world).settle()
    assert shown(world).disabled_why == "failing"


@pytest.mark.parametrize("status", [429, 503])
def test_a_receiver_that_asks_for_time_is_left_alone_for_that_long(lone_world: World, receiver: Receiver,
                                                                   status: int) -> None:
    world = lone_world
    subscribe(world, receiver.url, types=["consent.withdrawn"])
    receiver.answer = lambda _: (status, {"retry-after": "600"})
    world.say(AMIRA, "STOP")
    teller(world).settle()
    receiver.answer = lambda _: 200
    world.say(BRUNO, "STOP")
    world.clock.go(597)
    teller(world).settle()
    assert len(receiver.got) == 1
    world.clock.go(4)
    teller(world).settle()
    assert len(receiver.taken) == 2


def test_a_receiver_that_takes_nothing_is_not_hammered(lone_world: World, receiver: Receiver) -> None:
    world = lone_world
    subscribe(world, receiver.url, types=["consent.withdrawn"])
    receiver.answer = lambda _: 500
    for number in range(20):
        world.opt_out(stranger(number))
    teller(world).settle()
    assert len(receiver.got) <= deliveries.BATCH
    seen = len(receiver.got)
    world.clock.go(30)
    teller(world).settle()
    assert len(receiver.got) == seen
    receiver.answer = lambda _: 200
    world.clock.go(300)
    teller(world).settle()
    assert len(receiver.taken) == 20


def test_what_waits_has_a_limit_and_the_ledger_keeps_the_rest(lone_world: World, receiver: Receiver,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    world = lone_world
    monkeypatch.setattr(deliveries, "MAX_WAITING", 70)
    subscribe(world, receiver.url, types=["consent.withdrawn"])
    receiver.answer = lambda _: 500
    for number in range(150):
        world.opt_out(stranger(number))
    for _ in range(10):
        teller(world).settle()
        world.clock.go(61)
    assert len(rows_of(world.store, "webhook_waits")) <= 70
    assert shown(world).lag > 0
    receiver.answer = lambda _: 200
    for _ in range(6):
        world.clock.go(HOUR)
        teller(world).settle()
    assert len({got.headers["webhook-id"] for got in receiver.taken}) == 150


def test_two_records_that_become_one_person_keep_one_order(world: World, receiver: Receiver) -> None:
    subscribe(world, receiver.url, types=["consent.withdrawn", "person.merged"])
    phone, user = AMIRA.addresses
    world.say(AMIRA, "STOP", addresses=[phone])
    world.say(AMIRA, "STOP", addresses=[user])
    receiver.answer = lambda _: 500
    teller(world).settle()
    receiver.answer = lambda _: 200
    world.say(AMIRA, "hello")  # both addresses in one payload
    teller(world).settle()
    assert receiver.taken == []
    world.clock.go(6)
    teller(world).settle()
    assert receiver.kinds == ["consent.withdrawn", "consent.withdrawn", "person.merged"]


# -- crashes, several workers, replays ---------------------------------------------------------------------------------


def test_a_worker_that_dies_after_delivering_leaves_a_second_delivery_under_the_same_id(
    world: World, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    subscribe(world, receiver.url, types=["consent.withdrawn"])
    world.say(AMIRA, "STOP")
    world.work()

    def dies(*_: object) -> bool:
        raise SystemError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(deliveries, "_settle", dies)
        with pytest.raises(SystemError):
            teller(world).settle()
    teller(world).settle()
    assert len(receiver.got) == 1  # the dead one's lease still holds
    world.clock.go(60)
    teller(world).settle()
    assert [got.headers["webhook-id"] for got in receiver.got] == [receiver.got[0].headers["webhook-id"]] * 2
    assert shown(world).lag == 0


def test_several_workers_deliver_each_fact_once(world: World, receiver: Receiver) -> None:
    subscribe(world, receiver.url, types=["consent.withdrawn"])
    for number in range(100):
        world.opt_out(stranger(number))
    world.work()
    threads = [threading.Thread(target=teller(world, senders=2).settle) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    teller(world).settle()
    assert len(receiver.got) == len({got.headers["webhook-id"] for got in receiver.got}) == 100
    assert world.sound()


def test_a_lease_that_was_lost_records_nothing(world: World, receiver: Receiver) -> None:
    subscribe(world, receiver.url, types=["consent.withdrawn"])
    world.say(AMIRA, "STOP")
    world.work()

    def late(_: Got) -> int:
        world.clock.go(61)
        receiver.answer = lambda _: 200
        teller(world).settle()  # another worker takes the lease meanwhile
        return 500

    receiver.answer = late
    teller(world).settle()
    assert (len(receiver.taken), shown(world).waiting, shown(world).failing_since) == (1, 0, 0)


def test_a_range_is_told_once_more_under_the_same_ids_and_in_order(world: World, receiver: Receiver) -> None:
    subscribe(world, receiver.url, types=["consent.requested", "consent.granted", "consent.withdrawn"])
    world.join(AMIRA)
    began = world.clock.time + SECOND
    world.say(AMIRA, "STOP")
    teller(world).settle()
    first = [got.headers["webhook-id"] for got in receiver.taken]
    last = receiver.taken[-1].data["leaf"]
    for asked, expected in (({}, first), ({"since": began}, first[-1:]), ({"first": last}, first[-1:]),
                            ({"last": last - 1}, first[:-1])):
        receiver.taken.clear()
        world.store.write(lambda tx, asked=asked: receivers.replay(  # type: ignore[misc]
            tx, world.kit, world.workspace, "crm", **asked))
        teller(world).settle()
        assert [got.headers["webhook-id"] for got in receiver.taken] == expected, asked
    assert (shown(world).replays, shown(world).lag) == (0, 0)


def test_a_new_webhook_hears_of_what_comes_and_a_dropped_one_is_forgotten(world: World, receiver: Receiver) -> None:
    world.join(AMIRA)
    subscribe(world, receiver.url)
    teller(world).settle()
    assert receiver.got == []
    receiver.answer = lambda _: 500
    world.say(AMIRA, "STOP")
    teller(world).settle()
    world.workspace = settle_in(world.system, declaration())
    assert rows_of(world.store, "webhook_cursors") == rows_of(world.store, "webhook_waits") == []


def test_a_neighbour_hears_nothing(world: World, receiver: Receiver) -> None:
    subscribe(world, receiver.url)
    other = neighbour(world)
    other.join(BRUNO)
    teller(world).settle()
    assert all(got.event["source"].endswith(world.workspace.id) for got in receiver.got)
    assert BRUNO.name not in [name for name, _ in about(other, receiver.got)]


def test_a_receiver_that_hangs_slows_no_recording(lone_world: World, receiver: Receiver) -> None:
    world = lone_world
    subscribe(world, receiver.url)
    hanging, over = threading.Event(), threading.Event()

    def hang(_: Got) -> int:
        hanging.set()
        over.wait(20)
        return 200

    receiver.answer = hang
    world.say(BRUNO, "STOP")
    worker = teller(world)
    worker.start()
    assert hanging.wait(20)
    world.say(AMIRA, "STOP")
    assert world.check(AMIRA).reason == "stopped_all"
    over.set()
    worker.stop()
    assert receiver.got


def test_a_test_delivery_tells_of_nothing(world: World) -> None:
    message = announce.trial(world.kit, world.workspace)
    assert (message.type, message.id[:4]) == ("webhook.tested", "evt_")
    assert rows_of(world.store, "webhook_cursors") == []


def test_a_record_that_cannot_be_read_is_told_as_denied_and_stops_nobody_else(world: World,
                                                                              receiver: Receiver) -> None:
    subscribe(world, receiver.url, addresses=True, types=["consent.granted", "consent.withdrawn"])
    world.join(AMIRA)
    world.say(AMIRA, "STOP")
    world.say(BRUNO, "STOP")
    world.work()
    amira = world.person(AMIRA)
    run_sql(world.store, "update addresses set sealed = mac where person_id = ?", amira)
    run_sql(world.store, "update events set body = mac from (select mac from addresses limit 1) m "
                         "where person_id = ? and type = 'said_yes'", amira)
    teller(world).settle()
    assert about(world, receiver.taken) == [("Amira", "consent.withdrawn"), ("Bruno", "consent.withdrawn")]
    assert receiver.taken[0].data["address"] is None
    assert not any(cell["allowed"] for cell in receiver.taken[0].data["cells"])
    assert shown(world).lag == 0
