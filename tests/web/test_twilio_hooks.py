"""Twilio's webhooks over HTTP: nothing unsigned is stored, 200 means on disk, and the answer is no reply to anybody."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Iterator, Mapping

import httpx
import pytest

from sayso.channels import twilio
from sayso.errors import Unavailable
from tests.cast import AMIRA, BRUNO
from tests.stores import HandClock, World, build, neighbour, open_kind
from tests.texting import HOOK, PUBLIC, TOKEN, Line, form, signature, twilio_declaration
from tests.web.desk import Api, api_of, counts, problem

FORM = {"content-type": "application/x-www-form-urlencoded; charset=UTF-8"}


@pytest.fixture
def world(database: tuple[str, str], clock: HandClock) -> Iterator[World]:
    """The business at Twilio, on each kind of database."""
    opened = open_kind(*database, clock)
    world = build(opened, clock, twilio_declaration())
    world.system.environ["ACME_AUTH_TOKEN"] = TOKEN
    yield world
    opened.close()


@pytest.fixture
def api(world: World) -> Iterator[Api]:
    with api_of(world) as opened:
        yield opened


@pytest.fixture
def line(world: World) -> Line:
    return Line(world)


def post(api: Api, params: Mapping[str, str], *, signed: str | None = None, path: str = HOOK,
         **headers: str) -> httpx.Response:
    """A request of Twilio's, signed unless a signature is given."""
    signed = signature(params, PUBLIC + path) if signed is None else signed
    more = {"x-twilio-signature": signed} if signed else {}
    return api.post(path, form(**params), key="", headers=FORM | more | headers)


def test_a_stop_is_on_disk_when_it_is_answered_and_the_answer_is_no_reply(api: Api, world: World, line: Line) -> None:
    answer = post(api, line.spoken(AMIRA, "STOP"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
    assert answer.text == '<?xml version="1.0" encoding="UTF-8"?><Response/>'
    assert world.check(AMIRA).reason == "stopped_all"
    assert world.check(BRUNO).reason == "unknown_person"


def test_a_repeated_request_counts_once_for_ever(api: Api, world: World, line: Line) -> None:
    params = line.spoken(AMIRA, "STOP")
    assert [post(api, params).status_code for _ in range(2)] == [200, 200]
    world.clock.go(400 * 24 * 3600)
    assert post(api, params).status_code == 200
    assert [fact["type"] for fact in world.history(AMIRA)].count("said_stop") == 1


@pytest.mark.parametrize("signed", ["", "x", signature({}), signature({}, token="other")])
def test_what_is_not_signed_is_not_stored(api: Api, world: World, line: Line, signed: str) -> None:
    before = counts(world.store)
    problem(post(api, line.spoken(AMIRA, "STOP"), signed=signed), 401, "bad_signature")
    assert counts(world.store) == before


def test_a_signature_of_other_words_or_for_another_address_is_forged(api: Api, world: World, line: Line) -> None:
    before = counts(world.store)
    stop, join = line.spoken(AMIRA, "STOP"), line.spoken(AMIRA, "JOIN")
    problem(post(api, join, signed=signature(stop)), 401, "bad_signature")
    problem(post(api, stop, signed=signature(stop, "https://sayso.test" + HOOK)), 401, "bad_signature")
    problem(post(api, stop | {"Extra": "1"}, signed=signature(stop)), 401, "bad_signature")
    assert counts(world.store) == before


def test_the_host_that_a_proxy_or_a_stranger_names_decides_nothing(api: Api, line: Line) -> None:
    params = line.spoken(AMIRA, "hello")
    assert post(api, params, host="internal:8080").status_code == 200
    forged = signature(params, "https://evil.example" + HOOK)
    problem(post(api, params, signed=forged, host="evil.example"), 401, "bad_signature")


def test_the_query_is_part_of_the_address(api: Api, world: World, line: Line) -> None:
    params = line.spoken(AMIRA, "STOP")
    assert post(api, params, path=HOOK + "?t=1&u=%20x").status_code == 200
    elsewhere = signature(params, PUBLIC + HOOK + "?t=1")
    problem(post(api, params, path=HOOK + "?t=2", signed=elsewhere), 401, "bad_signature")
    problem(post(api, params, path=HOOK + "?" + "a" * 3000), 404, "not_found")


def test_parameters_nobody_knows_are_signed_and_passed_over(api: Api, world: World, line: Line) -> None:
    params = line.spoken(AMIRA, "STOP", {"BrandNew": "", "FromCity": "Köln"})
    assert post(api, params).status_code == 200
    assert world.check(AMIRA).reason == "stopped_all"


def test_an_old_token_is_taken_while_it_is_being_replaced(api: Api, world: World, line: Line) -> None:
    params = line.spoken(AMIRA, "hello")
    problem(post(api, params, signed=signature(params, token="old")), 401, "bad_signature")
    world.clock.go(3)
    world.system.environ["ACME_OLD_TOKEN"] = "old"
    assert post(api, params, signed=signature(params, token="old")).status_code == 200


def test_once_a_shared_key_is_named_the_auth_token_signs_nothing(database: tuple[str, str], clock: HandClock) -> None:
    declared = twilio_declaration()
    declared["connections"]["main"]["shared_key"] = {"env": "ACME_SHARED_KEY"}
    opened = open_kind(*database, clock)
    world = build(opened, clock, declared)
    world.system.environ["ACME_AUTH_TOKEN"] = TOKEN
    settings = {"x-twilio-webhooks-signature-settings": "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"}
    with api_of(world) as api:
        params = Line(world).spoken(AMIRA, "STOP")
        problem(post(api, params), 503, "not_configured")  # the key is named and cannot be read: no falling back
        clock.go(3)
        world.system.environ["ACME_SHARED_KEY"] = "sh4red"
        for header in ({}, settings, {"x-twilio-webhooks-signature-settings": "algorithm=HMAC_SHA1"}):
            problem(post(api, params, **header), 401, "bad_signature")
            weak = signature(params, token="sh4red")
            problem(post(api, params, signed=weak, **header), 401, "bad_signature")
        strong = signature(params, token="sh4red", algorithm="HMAC_SHA256")
        assert post(api, params, signed=strong, **settings).status_code == 200
    assert world.check(AMIRA).reason == "stopped_all"
    opened.close()


def test_without_a_secret_nothing_is_read(api: Api, world: World) -> None:
    del world.system.environ["ACME_AUTH_TOKEN"]
    read = []

    async def body() -> AsyncIterator[bytes]:
        read.append(1)
        yield b"Body=STOP"

    answer = api.run(api.client.post(HOOK, content=body(), headers=FORM))
    assert problem(answer, 503, "not_configured")["retry"] is True
    assert read == []


def test_too_much_or_no_form_is_refused_and_not_stored(api: Api, world: World) -> None:
    before = counts(world.store)
    headers = FORM | {"x-twilio-signature": "x"}
    problem(api.post(HOOK, b"a" * (twilio.MAX_BODY + 1), key="", headers=headers), 413, "body_too_large")
    problem(api.post(HOOK, b"&".join([b"a=1"] * 300), key="", headers=headers), 413, "body_too_large")
    problem(api.post(HOOK, b"Body=%ff", key="", headers=headers), 400, "malformed_body")
    problem(api.post(HOOK, b"", key="", headers=headers), 401, "bad_signature")
    assert counts(world.store) == before


def test_a_json_body_is_believed_by_its_hash_and_kept(api: Api, world: World) -> None:
    raw = b'{"EventType": "onMessageAdded"}'
    path = f"{HOOK}?bodySHA256={hashlib.sha256(raw).hexdigest()}"
    headers = {"content-type": "application/json", "x-twilio-signature": signature({}, PUBLIC + path)}
    assert api.post(path, raw, key="", headers=headers).status_code == 200
    assert world.unhandled() == ["json"]
    problem(api.post(path, raw + b" ", key="", headers=headers), 401, "bad_signature")


def test_each_provider_has_its_own_address(api: Api, world: World, line: Line) -> None:
    params = line.spoken(AMIRA, "STOP")
    problem(api.post("/hooks/meta/acme-main", form(**params), key=""), 404, "not_found")
    problem(api.get("/hooks/meta/acme-main", key=""), 404, "not_found")
    neighbour(world)  # who is at Meta
    problem(post(api, params, path="/hooks/twilio/other-main"), 404, "not_found")
    problem(post(api, params, path="/hooks/twilio/nobody-main"), 404, "not_found")


def test_a_number_that_is_not_ours_is_kept_and_visible(api: Api, world: World, line: Line) -> None:
    params = line.spoken(AMIRA, "STOP", {"To": "whatsapp:+447700900199"})
    assert post(api, params).status_code == 200
    assert world.unhandled() == ["unknown phone_number_id"]
    assert world.check(AMIRA).reason == "unknown_person"


def test_a_store_that_fails_is_no_success(api: Api, world: World, line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_self: object, _work: object) -> None:
        raise Unavailable

    params = line.spoken(AMIRA, "STOP")
    with monkeypatch.context() as patch:
        patch.setattr(type(world.store), "submit", broken)
        assert problem(post(api, params), 503, "unavailable")["retry"] is True
    assert post(api, params).status_code == 200
    assert world.check(AMIRA).reason == "stopped_all"


def test_a_refused_request_says_nothing_of_what_it_held(api: Api, line: Line) -> None:
    told = problem(post(api, line.spoken(AMIRA, "STOP"), signed="x"), 401, "bad_signature")
    assert AMIRA.phone not in str(told)
    assert TOKEN not in str(told)
