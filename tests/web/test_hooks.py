"""Webhooks over HTTP: nothing unsigned is stored, nothing signed is lost, and 2xx means on disk."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from sayso.channels import meta
from sayso.errors import Unavailable
from sayso.store.base import Tx
from sayso.web import patience
from tests.cast import AMIRA, BRUNO
from tests.channels import envelopes
from tests.stores import World, neighbour, rows_of
from tests.web.desk import HOOK, Api, counts, problem, sign

AMIRA_DIGITS, BRUNO_DIGITS = AMIRA.phone[1:], BRUNO.phone[1:]


def stop(message_id: str = "wamid.1", sender: str = AMIRA_DIGITS, words: str = "STOP") -> bytes:
    return envelopes.messages(envelopes.text(words, id=message_id, **{"from": sender}))


def test_a_stop_is_on_disk_when_it_is_answered(api: Api, world: World) -> None:
    answer = api.hook(stop())
    assert (answer.status_code, answer.json()) == (200, {})
    assert world.check(AMIRA).reason == "stopped_all"
    assert world.check(BRUNO).reason == "unknown_person"


def test_a_repeated_delivery_counts_once(api: Api, world: World) -> None:
    assert [api.hook(stop()).status_code for _ in range(3)] == [200, 200, 200]
    assert world.said(AMIRA) == ["said_stop"]


def test_every_item_of_a_batch_counts(api: Api, world: World) -> None:
    both = envelopes.body(
        envelopes.change(messages=[envelopes.text("STOP", id="wamid.1", **{"from": AMIRA_DIGITS}),
                                   envelopes.text("STOP", id="wamid.2", **{"from": BRUNO_DIGITS})]),
        envelopes.change("something_new", whatever=[1]),
    )
    assert api.hook(both).status_code == 200
    assert [world.check(who).reason for who in (AMIRA, BRUNO)] == ["stopped_all", "stopped_all"]
    assert world.unhandled() == ["unknown_field"]


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=" + "0" * 64, "sha1=" + "0" * 40, "nonsense"])
def test_what_is_not_signed_is_not_stored(api: Api, world: World, signature: str) -> None:
    before = counts(world.store)
    problem(api.hook(stop(), signature=signature), 401, "bad_signature")
    assert counts(world.store) == before


def test_a_signature_of_other_bytes_or_another_secret_is_wrong(lone_api: Api, lone_world: World) -> None:
    before = counts(lone_world.store)
    problem(lone_api.hook(stop(), signature=sign(stop("wamid.2"))), 401, "bad_signature")
    problem(lone_api.hook(stop(), signature=sign(stop(), "other")), 401, "bad_signature")
    assert counts(lone_world.store) == before


def test_without_a_secret_nothing_is_read(lone_api: Api, lone_world: World) -> None:
    neighbour(lone_world)  # whose secrets are not set

    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append(1)
        yield stop()

    path = "/hooks/meta/other-main"
    answer = lone_api.run(lone_api.client.post(path, content=body()))
    assert read == []
    assert problem(answer, 503, "not_configured")["retry"] is True
    assert answer.headers["retry-after"] == "1"


def test_a_body_that_is_no_envelope_is_refused_and_not_stored(lone_api: Api, lone_world: World) -> None:
    before = counts(lone_world.store)
    for raw in (b"", b"{", b"[]", b'{"a":' * 50 + b"1" + b"}" * 50):
        problem(lone_api.hook(raw), 400, "malformed_body")
    assert counts(lone_world.store) == before


def test_a_body_over_four_megabytes_is_refused_announced_or_not(lone_api: Api, lone_world: World) -> None:
    before = counts(lone_world.store)
    problem(lone_api.hook(b" " * (meta.MAX_BODY + 1)), 413, "body_too_large")
    sent = []

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            sent.append(1)
            yield b" " * 1024 * 1024

    answer = lone_api.run(lone_api.client.post(HOOK, content=endless(), headers={"x-hub-signature-256": "sha256="}))
    problem(answer, 413, "body_too_large")
    assert len(sent) < 10
    assert counts(lone_world.store) == before


def test_a_large_envelope_is_taken(lone_api: Api, lone_world: World) -> None:
    many = envelopes.messages(*(envelopes.text("hello", id=f"wamid.{n}", **{"from": AMIRA_DIGITS}) for n in range(400)))
    assert len(many) > 32 * 1024
    assert lone_api.hook(many).status_code == 200
    assert lone_world.said(AMIRA) == ["spoke"] * 400


def test_an_envelope_for_a_number_that_is_not_ours_is_kept_and_visible(api: Api, world: World) -> None:
    raw = stop().replace(envelopes.SENDER.encode(), b"999999999999999")
    assert api.hook(raw).status_code == 200
    shown = api.get("/v1/unhandled").json()
    assert shown["count"] == 1
    assert (shown["data"][0]["reason"], shown["data"][0]["connection"]) == ("unknown phone_number_id", "main")
    assert AMIRA_DIGITS not in str(rows_of(world.store, "unhandled"))


def test_a_webhook_nobody_declared_is_not_there(lone_api: Api) -> None:
    problem(lone_api.hook(stop(), path="/hooks/meta/nobody-main"), 404, "not_found")
    problem(lone_api.get("/hooks/meta/nobody-main"), 404, "not_found")


def test_a_store_that_fails_is_no_success(lone_api: Api, lone_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_work: object) -> None:
        raise Unavailable

    with monkeypatch.context() as patch:
        patch.setattr(type(lone_world.store), "submit", lambda _self, work: broken(work))
        answer = lone_api.hook(stop())
        assert problem(answer, 503, "unavailable")["retry"] is True
        assert answer.headers["retry-after"] == "1"
    assert lone_api.hook(stop()).status_code == 200
    assert lone_world.check(AMIRA).reason == "stopped_all"


def test_a_transaction_that_fails_at_its_commit_is_no_success(lone_api: Api, lone_world: World,
                                                              monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("something nobody foresaw, about +447700900123")

    with monkeypatch.context() as patch:
        patch.setattr("sayso.web.hooks.inbound.receive", fail)
        told = problem(lone_api.hook(stop()), 500, "internal")
    assert "+44" not in str(told)
    assert world_is_silent(lone_world)


def world_is_silent(world: World) -> bool:
    return rows_of(world.store, "people") == []


def test_the_handshake_gives_the_challenge_back_as_plain_text(lone_api: Api) -> None:
    asked = {"hub.mode": "subscribe", "hub.verify_token": "v3rify", "hub.challenge": "1158201444"}
    answer = lone_api.get(HOOK, params=asked, key="")
    assert (answer.status_code, answer.text) == (200, "1158201444")
    assert answer.headers["content-type"].startswith("text/plain")
    for wrong in ({"hub.verify_token": "guess"}, {"hub.challenge": "<script>"}, {"hub.mode": "unsubscribe"}):
        problem(lone_api.get(HOOK, params=asked | wrong, key=""), 403, "forbidden")


def test_a_body_that_does_not_come_is_given_up(lone_api: Api) -> None:
    async def wait() -> int:
        async def never() -> AsyncIterator[bytes]:
            yield b"{"
            await asyncio.sleep(3600)

        sending = asyncio.create_task(lone_api.client.post(HOOK, content=never()))
        for _ in range(patience.LOOKS + 1):
            await asyncio.sleep(0.01)
            lone_api.app.desk.patience.look()
        answer = await asyncio.wait_for(sending, 5)
        problem(answer, 400, "malformed_body")
        return answer.status_code

    assert lone_api.run(wait()) == 400


def test_the_worker_is_woken_by_what_was_committed(lone_api: Api) -> None:
    woken = []

    class Sleeper:
        def wake(self) -> None:
            woken.append(1)

    lone_api.app.desk.worker = Sleeper()  # type: ignore[assignment]
    lone_api.hook(stop())
    assert woken == [1]


def test_writing_waits_for_the_commit(lone_api: Api, lone_world: World) -> None:
    def work(tx: Tx) -> str:
        tx.run("set_meta", name="seen", value="yes")
        return "done"

    assert lone_api.run(lone_api.app.desk.write(work)) == "done"
    assert ("seen", "yes") in rows_of(lone_world.store, "meta")
