"""The library as a program uses it: the gate, sending with a permit, yes and no, proof; on both databases."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import sayso
from sayso import library
from sayso.channels.base import OutTemplate
from sayso.core.receipts import verify_receipt
from sayso.core.workspace import Workspace
from sayso.errors import (
    BadSignature,
    ConfigError,
    EvidenceMissing,
    InvalidAddress,
    InvalidRequest,
    NotConfigured,
    NotFound,
    PermitExpired,
    PermitStale,
    Unavailable,
    UnknownEntry,
    UnknownPurpose,
    UnknownSender,
)
from sayso.flows import permits
from sayso.library import Permit, Sayso
from sayso.store.base import Tx
from sayso.vault import verify_ed25519
from sayso.wiring import System
from tests.cast import AMIRA, BRUNO, CHEN, DANA
from tests.stores import neighbour, rows_of
from tests.world import NUMBER_ID, World, declaration

PAGE = {"page": "https://acme.example/join"}
README = {
    "workspace": {"slug": "acme", "name": "Acme Garden"},
    "connections": {"main": {}},
    "senders": {"shop": {"connection": "main", "phone_number_id": NUMBER_ID, "phone": "+447700900100"}},
    "purposes": {"offers": {"class": "marketing", "title": "offers"}},
    "notices": {"join": {"version": 1, "purposes": ["offers"], "senders": ["shop"], "text": {"en": "May we?"},
                         "templates": {"en": {"name": "sayso_optin", "language": "en"}}}},
    "entry_points": {"website": {"kind": "api", "notice": "join", "sender": "shop"}},
}


@pytest.fixture
def acme(lone_world: World) -> Sayso:
    """The library over a business whose clock the test moves, with Amira in and Bruno out."""
    return settled(lone_world)


@pytest.fixture
def either(world: World) -> Sayso:
    """The same on each kind of database, for what its transactions decide."""
    return settled(world)


def settled(world: World) -> Sayso:
    world.join(AMIRA)
    world.join(BRUNO)
    world.say(BRUNO, "STOP")
    world.work()
    return Sayso.over(world.system, "acme")


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Sayso]:
    """A program of its own on SQLite, with the machine's clock."""
    with Sayso(tmp_path / "small.db", config=README) as opened:
        yield opened


def outcomes(acme: Sayso) -> list[tuple[str, str]]:
    """(state, outcome) of every permit a caller asked for; those of Sayso's own messages are left out."""
    return [(row[8], row[14]) for row in rows_of(acme.system.store, "permits") if row[5] != "consent"]


def incidents(acme: Sayso) -> int:
    return len([row for row in rows_of(acme.system.store, "events") if row[3] == "breach_suspected"])


# -- opening ---------------------------------------------------------------------------------------------------------


def test_the_door_gives_what_a_program_needs_and_nothing_else() -> None:
    assert sayso.Sayso is Sayso
    assert sayso.Permit is Permit
    assert sayso.Verdict.__name__ == "Verdict"
    assert sayso.errors.PermitStale is PermitStale
    assert sayso.__version__
    assert set(dir(sayso)) == set(sayso.__all__)
    with pytest.raises(AttributeError):
        _ = sayso.nonsense


def test_a_first_program_runs_with_one_mapping_and_no_other_file(tmp_path: Path) -> None:
    with Sayso(tmp_path / "first.db", config=README) as first:
        assert first.check(AMIRA.phone, "offers").reason == "unknown_person"
        assert first.opt_in(AMIRA.phone, entry="website", evidence=PAGE).state == "pending"
        assert first.check(AMIRA.phone, "offers").reason == "pending"
        assert first.opt_out(AMIRA.phone).state == "acknowledged"
        assert first.check(AMIRA.phone, "offers").reason == "stopped_all"
        assert first.verify().problems == []
    with Sayso(str(tmp_path / "first.db")) as again:
        assert again.check(AMIRA.phone, "offers").reason == "stopped_all"


def test_a_mapping_is_checked_like_the_file(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="did you mean 'purposes'"):
        Sayso(tmp_path / "x.db", config={**README, "purpose": {}})


def test_a_word_people_leave_with_cannot_be_made_one_for_joining(tmp_path: Path) -> None:
    entry = {"kind": "keyword", "keywords": ["unsubscribe"], "notice": "join", "sender": "shop"}
    with pytest.raises(ConfigError):
        Sayso(tmp_path / "x.db", config={**README, "entry_points": {"odd": entry}})


def test_a_database_nobody_set_up_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="sayso init"):
        Sayso(tmp_path / "empty.db")


def test_a_store_that_cannot_be_reached_raises_and_allows_nothing(tmp_path: Path) -> None:
    with pytest.raises(Unavailable):
        Sayso(tmp_path / "no" / "such" / "folder" / "x.db", keys=tmp_path / "keys")
    with pytest.raises(Unavailable):
        Sayso("postgresql://nobody@127.0.0.1:1/nowhere", keys=tmp_path / "keys")


def test_keys_and_workspace_can_be_named(tmp_path: Path) -> None:
    keys = tmp_path / "apart" / "the.keys"
    keys.parent.mkdir()
    Sayso(tmp_path / "x.db", config=README, keys=keys).close()
    other = declaration("other", "206540352242922")
    Sayso(tmp_path / "x.db", config=other, keys=keys).close()
    with pytest.raises(ConfigError, match="2 workspaces"):
        Sayso(tmp_path / "x.db", keys=keys)
    with Sayso(tmp_path / "x.db", keys=keys, workspace="other") as opened:
        assert opened.workspace.slug == "other"
    assert keys.exists()
    assert not (tmp_path / "x.db.keys").exists()


# -- the gate --------------------------------------------------------------------------------------------------------


def test_a_deny_is_false_so_that_an_if_cannot_read_it_as_a_yes(acme: Sayso) -> None:
    assert acme.check(AMIRA.phone, "offers", "shop")
    assert not acme.check(BRUNO.phone, "offers", "shop")
    assert not acme.check(CHEN.phone, "offers", "shop")


def test_what_was_never_declared_is_an_error_and_no_verdict(acme: Sayso) -> None:
    with pytest.raises(UnknownPurpose):
        acme.check(AMIRA.phone, "ofers", "shop")
    with pytest.raises(UnknownSender):
        acme.check(AMIRA.phone, "offers", "shopp")
    with pytest.raises(UnknownSender):
        acme.check(AMIRA.phone, "offers")  # there are two
    with pytest.raises(InvalidAddress):
        acme.check("Amira", "offers", "shop")


def test_a_number_may_be_written_as_people_of_the_country_do(acme: Sayso) -> None:
    assert acme.check("07700 900123", "offers", "shop")


def test_many_are_answered_in_order_and_a_bad_one_hurts_nobody(either: Sayso) -> None:
    given = [CHEN.phone, "nonsense", AMIRA.phone, BRUNO.phone, AMIRA.phone]
    reasons = [verdict.reason for verdict in either.check_many(given, "offers", "shop")]
    assert reasons == ["unknown_person", "invalid_address", "granted", "stopped_all", "granted"]
    assert either.check_many([], "offers", "shop") == []


def test_a_long_list_is_asked_in_parts(acme: Sayso, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "CHUNK", 2)
    assert [bool(verdict) for verdict in acme.check_many([AMIRA.phone] * 5, "offers", "shop")] == [True] * 5


# -- sending ---------------------------------------------------------------------------------------------------------


def test_a_permit_is_spent_and_reported(either: Sayso) -> None:
    with either.sending(AMIRA.phone, "offers", "shop") as permit:
        assert permit
        permit.about_to_send()
        assert permit.done("wamid.out.1") is False
    assert outcomes(either) == [("done", "sent")]
    assert len(rows_of(either.system.store, "handed_over")) > 0


def test_a_denial_is_a_value_that_says_why_and_cannot_be_sent_by(acme: Sayso) -> None:
    with acme.sending(BRUNO.phone, "offers", "shop") as permit:
        assert not permit
        assert permit.verdict.reason == "stopped_all"
        with pytest.raises(InvalidRequest):
            permit.about_to_send()
        with pytest.raises(InvalidRequest):
            permit.done("wamid.out.1")
    assert outcomes(acme) == []


def test_leaving_without_a_word_is_possibly_sent(acme: Sayso) -> None:
    with acme.sending(AMIRA.phone, "offers", "shop") as permit:
        assert permit
    assert outcomes(acme) == [("done", "possibly_sent")]


def test_an_exception_inside_is_possibly_sent_and_goes_on(either: Sayso) -> None:
    with pytest.raises(ZeroDivisionError), either.sending(AMIRA.phone, "offers", "shop"):
        _ = 1 / 0
    assert outcomes(either) == [("done", "possibly_sent")]


def test_a_refusal_of_the_provider_is_failed(acme: Sayso) -> None:
    with acme.sending(AMIRA.phone, "offers", "shop") as permit:
        permit.failed()
    assert outcomes(acme) == [("done", "failed")]


def test_slow_work_before_the_request_is_stopped_by_about_to_send(acme: Sayso, lone_world: World) -> None:
    def send_slowly() -> None:
        with acme.sending(AMIRA.phone, "offers", "shop") as permit:
            lone_world.clock.go(2.1)
            permit.about_to_send()

    with pytest.raises(PermitExpired):
        send_slowly()
    assert outcomes(acme) == [("done", "aborted")]
    assert incidents(acme) == 0


def test_a_write_begun_in_time_may_take_long(acme: Sayso, lone_world: World) -> None:
    with acme.sending(AMIRA.phone, "offers", "shop") as permit:
        lone_world.clock.go(1.9)
        permit.about_to_send()
        lone_world.clock.go(15)  # a slow provider
        assert permit.done("wamid.out.1") is False
    assert incidents(acme) == 0


def test_a_message_sent_in_spite_of_the_deadline_is_an_incident(acme: Sayso, lone_world: World) -> None:
    with acme.sending(AMIRA.phone, "offers", "shop") as permit:
        lone_world.clock.go(2.1)
        with pytest.raises(PermitExpired):
            permit.about_to_send()
        assert permit.done("wamid.out.1") is True
    assert incidents(acme) == 1


def test_a_record_that_moved_on_is_asked_once_more(either: Sayso, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = stale(monkeypatch, 1)
    with either.sending(AMIRA.phone, "offers", "shop") as permit:
        assert permit
        permit.done("wamid.out.1")
    assert len(tries) == 2
    assert sorted(outcomes(either)) == [("done", "sent"), ("open", "")]


def test_a_record_that_moves_on_twice_is_an_error(acme: Sayso, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = stale(monkeypatch, 2)
    with pytest.raises(PermitStale), acme.sending(AMIRA.phone, "offers", "shop"):
        pytest.fail("nothing may be sent by a stale permit")
    assert len(tries) == 2


def stale(monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """Let another writer be in between issue and redeem, so many times; the permits that were tried."""
    real, tries = permits.redeem, []

    def redeem(tx: Tx, kit: Any, ws: str, permit: str) -> Any:
        if permit not in tries:  # a store may run the same work more than once
            tries.append(permit)
        if tries.index(permit) < times:
            person = tx.row("permit_person", ws=ws, permit=permit)
            assert person is not None
            row = tx.row("person", ws=ws, person=person[0])
            assert row is not None
            tx.run("set_standing", ws=ws, person=person[0], standing=bytes(row[2]), rise=1)
        return real(tx, kit, ws, permit)

    monkeypatch.setattr(permits, "redeem", redeem)
    return tries


def test_a_stop_between_permit_and_redeem_is_obeyed(either: Sayso, monkeypatch: pytest.MonkeyPatch) -> None:
    real = permits.issue

    def issue(*given: Any, **named: Any) -> Any:
        issued = real(*given, **named)
        monkeypatch.setattr(permits, "issue", real)
        after.append(True)
        return issued

    after: list[bool] = []
    write = either._write

    def then_stop(work: Callable[[Tx], Any]) -> Any:
        result = write(work)
        if after and after.pop():
            either.opt_out(AMIRA.phone)
        return result

    monkeypatch.setattr(permits, "issue", issue)
    monkeypatch.setattr(either, "_write", then_stop)
    with either.sending(AMIRA.phone, "offers", "shop") as permit:
        assert not permit
        assert permit.verdict.reason == "stopped_all"


def test_a_database_slower_than_a_permit_lasts_sends_nothing(acme: Sayso, lone_world: World,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    real = permits.redeem

    def slow(*given: Any) -> Any:
        redeemed = real(*given)
        lone_world.clock.go(2.5)
        return redeemed

    monkeypatch.setattr(permits, "redeem", slow)
    with pytest.raises(PermitExpired), acme.sending(AMIRA.phone, "offers", "shop"):
        pytest.fail("the deadline has passed")
    assert outcomes(acme) == [("done", "aborted"), ("done", "aborted")]


def test_a_store_lost_inside_the_block_does_not_hide_the_blocks_own_error(small: Sayso,
                                                                         monkeypatch: pytest.MonkeyPatch) -> None:
    said_yes(small)

    def gone(*_: Any, **__: Any) -> bool:
        raise Unavailable("gone")

    def break_inside() -> None:
        with small.sending(AMIRA.phone, "offers"):
            monkeypatch.setattr(permits, "done", gone)
            _ = 1 / 0

    with pytest.raises(ZeroDivisionError):
        break_inside()
    with pytest.raises(Unavailable), small.sending(AMIRA.phone, "offers"):
        pass


def test_contacts_of_the_answer_are_learnt(acme: Sayso) -> None:
    with acme.sending(AMIRA.phone, "offers", "shop") as permit:
        permit.done("wamid.out.1", contacts=["447700900123", "GB.1349NEW"])
    assert acme.check("GB.1349NEW", "offers", "shop")


def test_after_an_acknowledged_stop_no_thread_gets_a_permit(small: Sayso) -> None:
    said_yes(small)
    sent_at: list[float] = []
    over = threading.Event()

    def campaign() -> None:
        while not over.is_set():
            with small.sending(AMIRA.phone, "offers") as permit:
                if not permit:
                    return
                sent_at.append(time.monotonic())
                permit.done()

    senders = [threading.Thread(target=campaign) for _ in range(4)]
    for sender in senders:
        sender.start()
    time.sleep(0.1)
    stopped = small.opt_out(AMIRA.phone)
    acknowledged = time.monotonic()
    for sender in senders:
        sender.join(10)
    over.set()
    assert stopped.state == "acknowledged"
    assert len(sent_at) > 4
    assert max(sent_at) <= acknowledged


# -- yes and no ------------------------------------------------------------------------------------------------------


def test_an_opt_in_begins_and_never_grants(acme: Sayso) -> None:
    asked = acme.opt_in(CHEN.phone, entry="website", evidence=PAGE)
    assert asked.state == "pending"
    assert asked.chat_link.startswith("https://wa.me/447700900100?text=")
    assert acme.check(CHEN.phone, "offers", "shop").reason == "pending"


def test_who_said_stop_is_not_asked_again(acme: Sayso) -> None:
    assert acme.opt_in(BRUNO.phone, entry="website", evidence=PAGE).state == "withdrawn"
    assert acme.opt_in(AMIRA.phone, entry="website", evidence=PAGE).state == "granted"


def test_an_opt_in_needs_evidence_of_a_known_kind(acme: Sayso) -> None:
    with pytest.raises(EvidenceMissing):
        acme.opt_in(CHEN.phone, entry="website", evidence={})
    with pytest.raises(InvalidRequest) as odd:
        acme.opt_in(CHEN.phone, entry="website", evidence={"pages": "x"})
    assert odd.value.param == "evidence.pages"
    with pytest.raises(UnknownEntry):
        acme.opt_in(CHEN.phone, entry="webside", evidence=PAGE)


def test_what_is_owed_goes_out_without_a_worker_running(small: Sayso, monkeypatch: pytest.MonkeyPatch) -> None:
    letters = wire(monkeypatch)
    small.opt_in(AMIRA.phone, entry="website", evidence=PAGE)
    small.deliver()
    assert [type(letter) for letter in letters] == [OutTemplate]


def test_an_opt_out_is_acknowledged_at_once_when_nothing_is_under_way(acme: Sayso, lone_world: World) -> None:
    before = lone_world.clock.steady()
    stopped = acme.opt_out(AMIRA.phone, evidence={"note": "asked at the till"})
    assert (stopped.state, stopped.changed, stopped.silent_by) == ("acknowledged", True, 0)
    assert lone_world.clock.steady() == before
    assert acme.opt_out(AMIRA.phone).changed is False


def test_an_opt_out_waits_for_what_is_under_way(either: Sayso, world: World) -> None:
    with either.sending(AMIRA.phone, "offers", "shop"):
        before = world.clock.steady()
        stopped = either.opt_out(AMIRA.phone)
        assert stopped.state == "acknowledged"
        assert 2_400_000 <= world.clock.steady() - before <= 2_600_000


def test_an_opt_out_that_does_not_wait_says_when_it_will_hold(acme: Sayso, lone_world: World) -> None:
    with acme.sending(AMIRA.phone, "offers", "shop"):
        stopped = acme.opt_out(AMIRA.phone, wait=False)
        assert stopped.state == "recorded"
        assert 0 < stopped.silent_by - lone_world.clock.now() <= 2_500_000
        assert acme.check(AMIRA.phone, "offers", "shop").reason == "stopped_all"


def test_an_opt_out_for_one_purpose_leaves_the_others(acme: Sayso, lone_world: World) -> None:
    lone_world.join(DANA, "JOIN ALL")
    acme.opt_out(DANA.user_id, "offers")
    assert acme.check(DANA.user_id, "offers", "shop").reason == "stopped"
    assert acme.check(DANA.user_id, "orders", "shop")


def test_a_stop_with_a_typo_stops_nothing_silently(acme: Sayso) -> None:
    with pytest.raises(UnknownPurpose):
        acme.opt_out(AMIRA.phone, "ofers")
    with pytest.raises(UnknownSender):
        acme.opt_out(AMIRA.phone, sender="shopp")
    with pytest.raises(InvalidRequest):
        acme.opt_out(AMIRA.phone, message_class="markting")
    assert acme.check(AMIRA.phone, "offers", "shop")


# -- webhooks in a framework of one's own ----------------------------------------------------------------------------


def test_a_signed_webhook_handed_over_is_acted_on_once(either: Sayso) -> None:
    body = webhook("JOIN", "wamid.in.1")
    assert either.receive("main", body, signature(body)).done == 1
    assert either.receive("main", body, signature(body)).repeated == 1
    assert either.check(CHEN.phone, "offers", "shop").reason == "pending"


def test_a_webhook_signed_wrongly_or_not_at_all_stores_nothing(acme: Sayso) -> None:
    body = webhook("JOIN", "wamid.in.1")
    before = len(rows_of(acme.system.store, "events"))
    for wrong in (None, "", "sha256=" + "0" * 64, signature(body + b" ")):
        with pytest.raises(BadSignature):
            acme.receive("main", body, wrong)
    with pytest.raises(NotFound):
        acme.receive("mian", body, signature(body))
    assert len(rows_of(acme.system.store, "events")) == before


def webhook(text: str, message_id: str) -> bytes:
    message = {"from": "15550100789", "id": message_id, "timestamp": "1790000005", "type": "text",
               "text": {"body": text}}
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": NUMBER_ID}, "messages": [message]}
    return json.dumps({"object": "whatsapp_business_account", "entry": [
        {"id": "1", "changes": [{"field": "messages", "value": value}]}]}).encode()


def signature(body: bytes) -> str:
    return "sha256=" + hmac.new(b"s3cret", body, hashlib.sha256).hexdigest()


# -- proof and rights ------------------------------------------------------------------------------------------------


def test_a_receipt_is_had_without_a_worker_and_checked_without_sayso(small: Sayso) -> None:
    said_yes(small)
    receipt = small.receipt(AMIRA.phone, "offers")
    assert verify_receipt(receipt, verify_ed25519) == []
    assert receipt["record"]["purposes"][0]["purpose"] == "offers"
    event = receipt["record"]["record_id"]
    assert small.receipt(AMIRA.phone, event=event)["events"] == receipt["events"]


def test_there_is_no_receipt_without_a_yes(acme: Sayso) -> None:
    with pytest.raises(NotFound):
        acme.receipt(CHEN.phone)
    with pytest.raises(UnknownPurpose):
        acme.receipt(AMIRA.phone, "ofers")


def test_the_history_holds_the_evidence_only_when_asked(acme: Sayso) -> None:
    assert all("evidence" not in line for line in acme.history(BRUNO.phone))
    said = next(line for line in acme.history(BRUNO.phone, texts=True) if line["type"] == "said_stop")
    assert said["evidence"]["text"] == "STOP"
    with pytest.raises(NotFound):
        acme.history(CHEN.phone)


def test_erasing_keeps_the_no_and_nothing_else(either: Sayso, world: World) -> None:
    erased = either.erase(AMIRA.phone)
    assert erased.suppressions == 2
    assert either.check(AMIRA.phone, "offers", "shop").reason == "suppressed"
    world.work()
    assert either.verify().problems == []


def test_erasing_waits_for_what_is_under_way(either: Sayso, world: World) -> None:
    with either.sending(AMIRA.phone, "offers", "shop"):
        before = world.clock.steady()
        assert either.erase(AMIRA.phone).silent_by == 0
        assert 2_400_000 <= world.clock.steady() - before <= 2_600_000


def test_an_erasure_that_does_not_wait_says_when_it_is_silent(acme: Sayso, lone_world: World) -> None:
    with acme.sending(AMIRA.phone, "offers", "shop"):
        erased = acme.erase(AMIRA.phone, wait=False)
        assert 0 < erased.silent_by - lone_world.clock.now() <= 2_500_000


def test_another_business_sees_nobody_of_this_one(either: Sayso, world: World) -> None:
    olgas = Sayso.over(neighbour(world).system, "other")
    assert olgas.check(AMIRA.phone, "offers", "shop").reason == "unknown_person"
    olgas.opt_out(AMIRA.phone)
    assert either.check(AMIRA.phone, "offers", "shop")
    assert {line["type"] for line in olgas.history(AMIRA.phone)} == {"address_linked", "said_stop"}
    with pytest.raises(NotFound):
        olgas.receipt(AMIRA.phone)


def test_nothing_personal_is_in_how_it_shows_itself(acme: Sayso) -> None:
    assert repr(acme) == "Sayso(workspace='acme')"


def test_a_preference_link_and_everything_recorded_are_there_for_the_person(
        small: Sayso, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said_yes(small)
    with pytest.raises(NotConfigured, match="SAYSO_PUBLIC_URL"):
        small.preference_link(AMIRA.phone)
    kit = replace(small.system.kit, public_url="https://consent.shop.example")
    monkeypatch.setattr(small.system, "kit", kit)
    assert small.preference_link(AMIRA.phone).startswith("https://consent.shop.example/p/")
    whole = small.export(AMIRA.phone)
    assert [one["state"] for one in whole["consents"]] == ["granted"]
    assert small.history(AMIRA.phone)[-1]["type"] == "data_given"


# -- helpers ---------------------------------------------------------------------------------------------------------


def wire(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Nothing leaves: what would have been sent."""
    from sayso.channels.base import Sent

    letters: list[Any] = []

    def send(_self: System, _workspace: Workspace, _sender: Any, _to: Any, message: Any, _tag: str,
             before_write: Callable[[], None]) -> Sent:
        before_write()
        letters.append(message)
        return Sent(f"wamid.out.{len(letters)}", (), "accepted")

    monkeypatch.setattr(System, "send", send)
    return letters


def said_yes(small: Sayso) -> None:
    """Amira was asked on the website, and tapped Yes under the template."""
    with pytest.MonkeyPatch.context() as patch:
        letters = wire(patch)
        small.opt_in(AMIRA.phone, entry="website", evidence=PAGE)
        small.deliver()
        tap(small, letters[0].buttons[0])
    assert small.check(AMIRA.phone, "offers")


def tap(small: Sayso, payload: str) -> None:
    from sayso.channels.base import InboundButton
    from sayso.flows import inbound

    item = InboundButton(sender_ref=NUMBER_ID, key=("message", "wamid.in.9"), at=small.system.kit.now(),
                         addresses=(AMIRA.address,), message_id="wamid.in.9", kind="template", payload=payload,
                         label="Yes")
    workspace = small.workspace
    connection = workspace.connections["main"]
    small.system.store.write(lambda tx: inbound.receive(tx, small.system.kit, workspace, connection, [item], b"{}"))
