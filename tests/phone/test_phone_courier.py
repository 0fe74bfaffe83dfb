"""The knobs do what they say, the same way for the same seed; a consumer that is down gets another try."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.phone.desk import AMIRA, Desk, desk, template

pytestmark = pytest.mark.anyio


async def chatter(phone: Desk, count: int) -> None:
    for place in range(count):
        await phone.act("say", person="amira", text=f"{place}")


def words(phone: Desk) -> list[str]:
    return [message["text"]["body"] for message in phone.receiver.messages()]


async def log(phone: Desk) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await phone.http.get("/_phone/deliveries")).json()["data"]
    return found


async def test_undisturbed_it_delivers_each_once_in_order(phone: Desk) -> None:
    await chatter(phone, 20)
    await phone.settle()
    assert words(phone) == [f"{place}" for place in range(20)]


async def test_duplicate_delivers_the_same_bytes_again(phone: Desk) -> None:
    await phone.act("knobs", duplicate=3)
    await chatter(phone, 1)
    await phone.settle()
    assert len(phone.receiver.bodies) == 3
    assert len(set(phone.receiver.bodies)) == len(set(phone.receiver.signatures)) == 1
    assert [delivery["copy"] for delivery in await log(phone)] == [1, 2, 3]


async def test_late_lets_later_words_overtake(phone: Desk) -> None:
    await phone.act("knobs", late=0.15)
    began = time.monotonic()
    await phone.act("say", person="amira", text="first")
    await phone.act("knobs", late=0)
    await phone.act("say", person="amira", text="second")
    await phone.settle()
    assert time.monotonic() - began >= 0.15
    assert words(phone) == ["second", "first"]


async def shuffled(seed: int) -> list[str]:
    async with desk(seed=seed) as phone:
        await phone.act("knobs", shuffle=8)
        await chatter(phone, 16)
        await phone.settle()
        return words(phone)


async def test_shuffle_gives_another_order_and_the_same_for_the_same_seed() -> None:
    first, again, other = await shuffled(1), await shuffled(1), await shuffled(2)
    straight = [f"{place}" for place in range(16)]
    assert first == again
    assert sorted(first, key=int) == sorted(other, key=int) == straight
    assert first not in (other, straight)


async def test_what_is_held_leaves_when_it_is_flushed_or_the_knob_is_off(phone: Desk) -> None:
    await phone.act("knobs", shuffle=100)
    await chatter(phone, 2)
    assert phone.receiver.bodies == []
    await phone.act("flush")
    await phone.settle()
    assert len(phone.receiver.bodies) == 2
    await chatter(phone, 1)
    await phone.act("knobs", shuffle=0)
    await phone.settle()
    assert len(phone.receiver.bodies) == 3


async def test_batch_puts_several_into_one_envelope(phone: Desk) -> None:
    await phone.act("knobs", batch=3)
    await phone.send(template(AMIRA, "order_update", "A1"))
    await phone.settle()
    assert len(phone.receiver.bodies) == 1
    assert [status["status"] for status in phone.receiver.statuses()] == ["sent", "delivered", "read"]


async def test_what_waits_for_company_goes_alone_after_a_while(
        phone: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso.phone.courier.HOLD_SECONDS", 0.05)
    await phone.act("knobs", batch=10)
    await chatter(phone, 2)
    await phone.settle()
    assert len(phone.receiver.bodies) == 1
    assert words(phone) == ["0", "1"]


async def test_lose_next_loses_exactly_those(phone: Desk) -> None:
    await phone.act("knobs", lose_next=2)
    await chatter(phone, 4)
    await phone.settle()
    assert words(phone) == ["2", "3"]
    outcomes = [delivery["outcome"] for delivery in await log(phone)]
    assert outcomes == ["lost", "lost", "delivered", "delivered"]


async def kept(seed: int) -> list[str]:
    async with desk(seed=seed) as phone:
        await phone.act("knobs", lose=0.5)
        await chatter(phone, 30)
        await phone.settle()
        return words(phone)


async def test_lose_is_a_matter_of_chance_that_a_seed_repeats() -> None:
    assert await kept(1) == await kept(1)
    assert 0 < len(await kept(1)) < 30


async def test_it_tries_again_until_the_consumer_takes_it(phone: Desk) -> None:
    phone.receiver.answers = [500, 503]
    await chatter(phone, 1)
    await phone.settle()
    assert len(phone.receiver.bodies) == 3
    delivery = (await log(phone))[0]
    assert (delivery["outcome"], delivery["answered"]) == ("delivered", 200)
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 503, 200]
    assert delivery["ms"] > 0


async def test_a_failing_delivery_does_not_hold_up_the_next(phone: Desk) -> None:
    phone.receiver.answers = [500]
    await chatter(phone, 3)
    await phone.settle()
    assert words(phone) == ["0", "1", "2", "0"] or words(phone) == ["0", "1", "0", "2"]


async def test_it_gives_up_in_the_end(phone: Desk) -> None:
    phone.receiver.answers = [401] * 10
    await chatter(phone, 1)
    await phone.settle()
    assert len(phone.receiver.bodies) == 4
    assert (await log(phone))[0]["outcome"] == "failed"


async def test_a_consumer_that_is_not_there_is_an_error_on_record() -> None:
    async with desk(webhook_url="http://127.0.0.1:9/hook", retry_seconds=()) as phone:
        await chatter(phone, 1)
        await phone.settle()
        delivery = (await log(phone))[0]
        assert (delivery["outcome"], delivery["answered"]) == ("failed", None)
        assert delivery["attempts"][0]["error"].startswith("ConnectError")


async def test_without_an_address_nothing_breaks() -> None:
    async with desk(webhook_url="", retry_seconds=()) as phone:
        await chatter(phone, 1)
        await phone.settle()
        assert (await log(phone))[0]["outcome"] == "failed"
        assert not (await phone.act("verify", verify_token="x"))["ok"]


async def test_the_delivery_log_keeps_body_and_signature(phone: Desk) -> None:
    await chatter(phone, 1)
    await phone.settle()
    delivery = (await log(phone))[0]
    assert delivery["body"].encode() == phone.receiver.bodies[0]
    assert delivery["signature"] == phone.receiver.signatures[0]
    assert (delivery["kind"], delivery["label"]) == ("message", "Amira wrote “0”")


async def test_metas_handshake_is_reported(phone: Desk) -> None:
    good = await phone.act("verify", verify_token="let-me-in")
    assert good == {"ok": True, "status": 200, "detail": "The challenge came back."}
    bad = await phone.act("verify", verify_token="wrong")
    assert (bad["ok"], bad["status"]) == (False, 403)


async def test_a_new_address_and_secret_hold_from_then_on(phone: Desk) -> None:
    told = await phone.act("webhook", url=phone.receiver.url + "/other", app_secret="another")
    assert told == {"url": phone.receiver.url + "/other", "local": True}
    await chatter(phone, 1)
    await phone.settle()
    assert (await log(phone))[0]["url"].endswith("/other")


async def test_a_reset_begins_again_and_no_id_comes_twice(phone: Desk) -> None:
    first = await phone.act("say", person="amira", text="hi")
    await phone.act("knobs", late=60)
    await phone.act("say", person="amira", text="never")
    await phone.act("block", person="chen", on=True)
    await phone.act("reset")
    assert (await log(phone), (await phone.http.get("/_phone/outbox")).json()["data"]) == ([], [])
    state = (await phone.http.get("/_phone/state")).json()
    assert state["knobs"]["late"] == 0
    assert state["people"][2]["blocked"] == []
    assert (await phone.act("say", person="amira", text="hi")) != first


async def test_ids_are_others_at_every_start_and_the_same_for_the_same_seed() -> None:
    async def said(**settings: int) -> str:
        async with desk(**settings) as phone:
            return str((await phone.act("say", person="amira", text="hi"))["message_id"])

    assert await said() != await said()
    assert await said(seed=7) == await said(seed=7)
