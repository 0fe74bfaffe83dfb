"""The widget's side of the server: its script, what it is told, what it may send, and from where."""

from __future__ import annotations

import base64
import gzip
import hashlib
import re
from collections.abc import Iterator
from typing import Any

import pytest

from sayso.web import pages, widget
from tests.cast import AMIRA, BRUNO
from tests.stores import World, rows_of
from tests.web.desk import Api, api_of, contents, problem
from tests.web.visits import ARABIC, ENTRY, WORDING, fill, send, shown_hash, solved, widget_form, with_page

SHOP = {"origin": "https://shop.example", "sec-fetch-site": "cross-site", "content-type": "application/json"}
#: What the widget may weigh with its styles, packed, without its one language.
MAX_PACKED = 10_000


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "ANSWER_FLOOR_S", 0.001)


@pytest.fixture
def site(world: World) -> Iterator[Api]:
    with api_of(with_page(world)) as api:
        yield api


@pytest.fixture
def lone_site(lone_world: World) -> Iterator[Api]:
    with api_of(with_page(lone_world)) as api:
        yield api


def take(api: Api, form: dict[str, Any], path: str = ENTRY, **headers: str) -> Any:
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.post(path, form, key="", headers=SHOP | given)


def asked(world: World) -> list[str]:
    return [letter.to.value for letter in world.work()]


# -- the script --------------------------------------------------------------------------------------------------------


def test_the_widget_with_one_language_is_under_ten_kilobytes_packed(lone_site: Api) -> None:
    script = lone_site.get("/w/1.js", key="", headers={"accept-encoding": "identity"}).content
    language = lone_site.get("/w/entry/acme/site.json?lang=ar", key="").content
    assert len(gzip.compress(script, 9)) + len(gzip.compress(language, 9)) < MAX_PACKED


def test_the_script_is_served_packed_to_whoever_takes_it(lone_site: Api) -> None:
    packed = lone_site.get("/w/1.js", key="", headers={"accept-encoding": "br, gzip"})
    plain = lone_site.get("/w/1.js", key="", headers={"accept-encoding": "identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert int(packed.headers["content-length"]) < MAX_PACKED
    assert "content-encoding" not in plain.headers
    assert packed.content == plain.content
    assert packed.headers["vary"] == "accept-encoding"


def test_any_website_may_load_it_and_one_version_never_changes(lone_site: Api) -> None:
    moving = lone_site.get("/w/1.js", key="")
    fixed = lone_site.get(f"/w/{widget.VERSION}.js", key="")
    assert moving.content == fixed.content
    assert fixed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert moving.headers["cache-control"] == "public, max-age=3600"
    for answer in (moving, fixed):
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.headers["cross-origin-resource-policy"] == "cross-origin"
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    told = lone_site.get("/w/1.json", key="").json()
    assert told["path"] == f"/w/{widget.VERSION}.js"
    assert told["integrity"] == "sha384-" + base64.b64encode(hashlib.sha384(fixed.content).digest()).decode()


def test_the_script_uses_nothing_a_strict_policy_forbids_and_keeps_nothing(lone_site: Api) -> None:
    script = lone_site.get("/w/1.js", key="").text
    for word in ("eval(", "new Function", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", ".style.",
                 "document.cookie", "localStorage", "sessionStorage", "indexedDB", "import(", 'createElement("style'):
        assert word not in script, word
    assert set(re.findall(r"https?://[^\s\"'`]+", script)) <= {"https://HOST/w/1.js", "https://HOST/o/acme/website"}


# -- what it is told ---------------------------------------------------------------------------------------------------


def test_the_widget_is_told_everything_it_shows_in_one_answer(lone_site: Api, lone_world: World) -> None:
    answer = lone_site.get("/w/entry/acme/site.json?lang=ar-EG", key="")
    told = answer.json()
    assert (told["lang"], told["dir"], told["notice"]) == ("ar", "rtl", ARABIC)
    assert told["hash"] == lone_world.workspace.notices["site"].hash("ar")
    assert told["purposes"][0] == ["offers", "العروض"]
    assert (told["phone"], told["chat"]) == (True, "https://wa.me/447700900100")
    assert told["code"] == f"{lone_world.workspace.entries['site'].code} ar"  # the chat goes on in this language
    assert set(widget.TEXTS) == set(told["t"])
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert "set-cookie" not in answer.headers
    english = lone_site.get("/w/entry/acme/site.json", key="", headers={"accept-language": "en"}).json()
    assert english["notice"] == WORDING
    assert lone_site.get("/w/entry/acme/chat-only.json", key="").json()["phone"] is False
    for path in ("/w/entry/acme/website.json", "/w/entry/nobody/site.json"):
        problem(lone_site.get(path, key=""), 404, "not_found")


def test_a_challenge_is_for_a_form_that_exists(lone_site: Api) -> None:
    told = lone_site.get("/w/challenge?form=acme/site", key="")
    assert set(told.json()) == {"algorithm", "challenge", "maxNumber", "salt", "signature"}
    assert told.headers["cache-control"] == "no-store"
    for form in ("", "acme", "acme/nothing", "acme/site/x", "acme/website", "/", "é/é"):
        assert lone_site.get("/w/challenge", key="", params={"form": form}).status_code in (404, 422)
    problem(lone_site.get("/w/challenge?form=" + "x" * 500, key=""), 422, "invalid_request")


# -- what it sends -----------------------------------------------------------------------------------------------------


def test_the_widgets_form_asks_once_and_proves_where_it_stood(site: Api, world: World) -> None:
    told = take(site, widget_form(site, AMIRA.phone, "offers", "orders"), user_agent="Test/1")
    assert (told.status_code, told.json()) == (202, {"state": "asked"})
    assert told.headers["access-control-allow-origin"] == "https://shop.example"
    assert "access-control-allow-credentials" not in told.headers
    assert asked(world) == [AMIRA.phone]
    [request] = [line for line in world.history(AMIRA) if line["type"] == "opt_in_requested"]
    assert request["facts"]["how"] == "widget"
    assert [cell[0] for cell in request["cells"]] == ["offers", "orders"]
    assert request["evidence"] == {"page": "https://shop.example/checkout", "ip": "127.0.0.1", "user_agent": "Test/1",
                                   "form": "site"}
    assert world.sound()


def test_the_answer_is_the_same_whatever_the_records_say(site: Api, world: World) -> None:
    world.join(AMIRA)
    world.say(BRUNO, "STOP")
    world.work()
    told = [take(site, widget_form(site, number)) for number in (AMIRA.phone, BRUNO.phone, "+44 7700 900789")]
    assert {(answer.status_code, answer.text) for answer in told} == {(202, told[0].text)}
    assert asked(world) == ["+447700900789"]


def test_somebody_who_hammers_at_it_is_told_what_everybody_is_told(lone_site: Api, lone_world: World) -> None:
    told = [take(lone_site, widget_form(lone_site, f"+4477{place:04}0055")) for place in range(8)]
    assert {(answer.status_code, answer.text) for answer in told} == {(202, told[0].text)}
    assert len(asked(lone_world)) == 5


def test_a_row_of_numbers_from_everywhere_is_cut_short(lone_world: World, lone_site: Api) -> None:
    """The bombing that limits by visitor do not see: each form from another network."""
    sent = 0
    for place in range(12):
        lone_world.clock.go(700)  # twenty forms an hour at most from one neighbourhood
        sent += take(lone_site, widget_form(lone_site, f"+44770090050{place % 10}")).status_code == 202
    assert sent == 12
    assert len(asked(lone_world)) <= 4


def test_only_the_websites_an_entry_point_names_may_send_it(lone_site: Api, lone_world: World) -> None:
    path = "/w/entry/acme/single"
    form = widget_form(lone_site, entry="single")
    for origin in ("https://evil.example", "null", "https://shop.example.evil.example", "http://shop.example", ""):
        told = take(lone_site, form, path, origin=origin)
        problem(told, 403, "forbidden")
        assert "access-control-allow-origin" not in told.headers
        problem(lone_site.run(lone_site.send("OPTIONS", path, key="", headers={"origin": origin})), 403, "forbidden")
    assert asked(lone_world) == []
    assert take(lone_site, form, path).status_code == 202
    preflight = lone_site.run(lone_site.send("OPTIONS", path, key="", headers=SHOP))
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://shop.example"
    assert preflight.headers["access-control-allow-headers"] == "content-type"


def test_a_mistake_names_its_field_in_the_persons_language(lone_site: Api) -> None:
    arabic = {"lang": "ar", "notice_hash": shown_hash(lone_site, "ar")}
    told = take(lone_site, widget_form(lone_site, "12") | arabic)
    said = problem(told, 422, "invalid_request")
    assert (said["param"], said["detail"][:10]) == ("phone", "هذا ليس رق")
    assert told.headers["access-control-allow-origin"] == "https://shop.example"
    form = widget_form(lone_site)
    for change, param in (({"purposes": []}, "purposes"), ({"purposes": ["orders", "more"]}, "purposes"),
                          ({"notice_hash": "0" * 64}, "notice_hash"), ({"lang": "xx"}, "notice_hash"),
                          ({"phone": "+15550100789"}, "phone"), ({"proof": "eA=="}, "proof")):
        assert problem(take(lone_site, form | change), 422, "invalid_request")["param"] == param, change


def test_a_proof_used_on_the_page_is_used_for_the_widget_too(lone_site: Api, lone_world: World) -> None:
    used = solved(lone_site)
    assert send(lone_site, fill(lone_site, proof=used)).status_code == 200
    told = take(lone_site, widget_form(lone_site, "+44 7700 900789", proof=used))
    assert problem(told, 422, "invalid_request")["param"] == "proof"
    assert asked(lone_world) == [AMIRA.phone]


def test_two_forms_with_one_proof_at_the_same_time_count_once(site: Api, world: World) -> None:
    import asyncio

    used = solved(site)
    bodies = [widget_form(site, f"+4477{place:04}0055", proof=used) for place in range(4)]

    async def both() -> list[int]:
        answers = await asyncio.gather(*(site.send("POST", ENTRY, body, key="", headers=SHOP) for body in bodies))
        return sorted(answer.status_code for answer in answers)

    assert site.run(both()) == [202, 422, 422, 422]
    assert len(asked(world)) == 1


def test_the_page_it_stood_on_is_kept_without_query_or_password(lone_site: Api, lone_world: World) -> None:
    for place, page in enumerate(("https://a:b@shop.example/x?token=1#y", "javascript:alert(1)", "http://[", "")):
        assert take(lone_site, widget_form(lone_site, f"+4477{place:04}0055", page=page)).status_code == 202
    kept = [line.get("evidence", {}).get("page", "") for line in _requests(lone_world)]
    assert sorted(kept) == ["", "", "", "https://shop.example/x"]


def _requests(world: World) -> list[dict[str, Any]]:
    from sayso.core import identity

    return [line for place in range(4) for line in world.history(identity.phone(f"+4477{place:04}0055"))
            if line["type"] == "opt_in_requested"]


def test_a_trapped_machine_is_told_what_everybody_is_told(lone_site: Api, lone_world: World) -> None:
    told = take(lone_site, widget_form(lone_site, website="https://spam.example"))
    assert (told.status_code, told.json()) == (202, {"state": "asked"})
    assert asked(lone_world) == []
    assert rows_of(lone_world.store, "entry_counts") == []


def test_a_refused_form_leaves_no_row(lone_site: Api, lone_world: World) -> None:
    form = widget_form(lone_site)
    before = contents(lone_world.store)
    take(lone_site, form | {"proof": "eA=="})
    take(lone_site, form | {"phone": "12"})
    take(lone_site, form, "/w/entry/acme/single", origin="https://evil.example")
    assert contents(lone_world.store) == before


def test_a_client_with_a_key_meets_the_limits_of_a_number_too(site: Api, world: World) -> None:
    body = {"address": AMIRA.phone, "entry": "website", "evidence": {"page": "https://acme.example"}}
    assert site.post("/v1/opt-ins", body).status_code == 202
    world.work()
    world.tap(AMIRA, world.wire.last.button(1))  # no, thanks
    other = body | {"address": "+447700900789"}
    assert site.post("/v1/opt-ins", other).json()["state"] == "pending"
    world.clock.go(80 * 3600)  # the question ran out
    for _ in range(2):
        assert site.post("/v1/opt-ins", other).status_code == 202
        world.clock.go(80 * 3600)
    told = problem(site.post("/v1/opt-ins", other), 429, "limited")
    assert told["retry"] is True
