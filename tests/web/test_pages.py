"""The landing page: what it shows, what it takes, and that nobody learns anything about anybody from it."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Iterator
from time import perf_counter
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from sayso.core import identity
from sayso.web import pages
from sayso.web.app import build
from sayso.web.texts import all_texts
from tests.cast import AMIRA, BRUNO, CHEN
from tests.stores import World, rows_of, run_sql
from tests.web.desk import Api, api_of, contents, problem
from tests.web.visits import ARABIC, PAGE, WORDING, fill, send, shown_hash, solved, with_page

SECOND_NUMBER = "+44 7700 900789"


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


def asked(world: World) -> list[Any]:
    """The questions that go out."""
    return [letter for letter in world.work() if letter.message.__class__.__name__ in ("OutTemplate", "OutButtons")]


def count_of(world: World, what: str) -> int:
    return sum(row[4] for row in rows_of(world.store, "entry_counts") if row[3] == what)


# -- what it shows -----------------------------------------------------------------------------------------------------


def test_the_page_says_who_asks_what_for_and_how_to_leave(lone_site: Api) -> None:
    told = lone_site.get(PAGE, key="")
    assert told.status_code == 200
    assert told.headers["content-type"] == "text/html; charset=utf-8"
    for words in ("Acme", WORDING, "+44 7700 900100", "STOP", "Free and voluntary", "https://acme.example/privacy",
                  "offers and news", "news about your orders", "offers of our partners"):
        assert words in told.text
    assert 'autocomplete="tel"' in told.text


def test_nothing_is_ticked_beforehand_and_each_purpose_has_its_own_box(lone_site: Api) -> None:
    told = lone_site.get(PAGE, key="").text
    boxes = re.findall(r'<input type="checkbox"[^>]*>', told)
    assert len(boxes) == 3
    assert not any("checked" in box for box in boxes)
    assert not re.search(r"<select|type=\"radio\"", told)


def test_the_page_speaks_the_browsers_language_unless_another_is_chosen(lone_site: Api) -> None:
    arabic = lone_site.get(PAGE, key="", headers={"accept-language": "fr, ar-EG;q=0.8, en;q=0.1"}).text
    assert ARABIC in arabic
    assert '<html lang="ar" dir="rtl">' in arabic
    assert "إيقاف" in arabic.split("<footer>")[1]  # the word that leaves, in this language
    assert "العروض" in arabic
    switched = lone_site.get(f"{PAGE}?utm_source=x&lang=en", key="", headers={"accept-language": "ar"}).text
    assert '<html lang="en" dir="ltr">' in switched
    assert 'href="?lang=ar"' in switched
    assert WORDING in lone_site.get(PAGE, key="", headers={"accept-language": "xx, *;q=x,,;"}).text


def test_the_page_sets_no_cookie_and_lets_nothing_from_outside_in(lone_site: Api) -> None:
    told = lone_site.get(PAGE, key="")
    policy = told.headers["content-security-policy"]
    assert "set-cookie" not in told.headers
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'")
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert told.headers["referrer-policy"] == "same-origin"
    assert told.headers["cache-control"] == "no-store"
    assert not re.search(r"style=|<style|<script>|\son[a-z]+=", told.text)


def test_the_preview_in_a_chat_is_the_same_for_everybody(lone_site: Api) -> None:
    for agent in ("WhatsApp/2.24", "facebookexternalhit/1.1", "Mozilla/5.0"):
        told = lone_site.get(f"{PAGE}?p=447700900123", key="", headers={"user-agent": agent}).text
        assert '<meta property="og:title" content="Acme on WhatsApp">' in told
        assert "447700900123" not in told


def test_page_style_and_scripts_are_under_30_kb_in_all(lone_site: Api) -> None:
    whole = [lone_site.get(path, key="", headers={"accept-encoding": "identity"})
             for path in (PAGE, "/w/page.css", "/w/page.js", "/w/1.js")]
    assert all(answer.status_code == 200 for answer in whole)
    assert sum(len(answer.content) for answer in whole) < 30_000


def test_a_page_takes_under_a_tenth_of_a_second_to_make(lone_site: Api) -> None:
    lone_site.get(PAGE, key="")
    began = perf_counter()
    for _ in range(20):
        lone_site.get(PAGE, key="")
    assert (perf_counter() - began) / 20 < 0.1


def test_without_a_template_there_is_no_field_for_a_number(lone_site: Api) -> None:
    told = lone_site.get("/o/acme/chat-only", key="").text
    assert 'type="tel"' not in told
    assert 'value="chat"' in told
    sent = send(lone_site, fill(lone_site, proof="eA=="), "/o/acme/chat-only")
    assert sent.status_code == 422


def test_looking_at_pages_changes_no_row(site: Api, world: World) -> None:
    world.join(AMIRA)
    before = contents(world.store)
    code = world.workspace.entries["site"].code
    for path in (PAGE, f"/o/{code}", "/w/entry/acme/site.json", "/w/challenge?form=acme/site", "/w/1.js", "/o/x/y",
                 "/.well-known/gpc.json"):
        for method in ("GET", "HEAD"):
            answer = site.run(site.send(method, path, key="", headers={"sec-gpc": "1", "user-agent": "WhatsApp/2"}))
            assert answer.status_code < 500
    site.run(site.send("OPTIONS", "/w/entry/acme/site", key=""))
    assert contents(world.store) == before


def test_a_place_that_is_not_there_is_the_same_for_every_reason(lone_site: Api) -> None:
    told = [lone_site.get(path, key="") for path in
            ("/o/acme/nothing", "/o/nobody/site", "/o/acme/website", "/o/acme/join", "/o/AAAAAAAA")]
    assert {answer.status_code for answer in told} == {404}
    assert len({answer.text for answer in told[:4]}) == 1
    assert "There is nothing here" in told[0].text
    assert send(lone_site, {"way": "chat"}, "/o/acme/nothing").status_code == 404
    problem(lone_site.get("/o/acme/" + "x" * 300, key=""), 404, "not_found")


def test_a_short_address_leads_to_the_page(lone_site: Api, lone_world: World) -> None:
    code = lone_world.workspace.entries["site"].code
    for spelling in (code, code.lower()):
        told = lone_site.get(f"/o/{spelling}", key="")
        assert (told.status_code, told.headers["location"]) == (303, "acme/site")


def test_every_language_has_every_text_with_the_same_words_to_fill_in() -> None:
    everything = all_texts()
    assert len(everything) == 12
    fields = {name: set(re.findall(r"{(\w+)}", value)) for name, value in everything["en"].filled(
        business="{business}", stop="{stop}", example="{example}").items()}
    for lang, texts in everything.items():
        filled = texts.filled(business="{business}", stop="{stop}", example="{example}")
        assert {name: set(re.findall(r"{(\w+)}", value)) for name, value in filled.items()} == fields, lang
        assert all(value.strip() for value in filled.values())


# -- on to WhatsApp ----------------------------------------------------------------------------------------------------


def test_the_chat_goes_on_in_the_language_the_page_was_read_in(site: Api, world: World) -> None:
    told = send(site, {"way": "chat", "lang": "ar", "purpose": ["offers"]})
    link = unquote(told.headers["location"])
    code = world.workspace.entries["site"].code
    assert link.endswith(f"[{code} ar offers]")
    world.say(BRUNO, link.partition("text=")[2])
    assert world.question().body.startswith(ARABIC)
    assert world.check(BRUNO).reason == "pending"


def test_the_chat_begins_with_what_was_ticked_and_asks_for_no_more(site: Api, world: World) -> None:
    told = send(site, {"way": "chat", "lang": "en", "purpose": ["orders", "offers"]})
    assert told.status_code == 303
    link = unquote(told.headers["location"])
    code = world.workspace.entries["site"].code
    hello = "Hello Acme, I would like to get messages here"
    assert link == f"https://wa.me/447700900100?text={hello} [{code} offers orders]"
    world.say(AMIRA, link.partition("text=")[2])
    question = world.question()
    assert question.body == f"{WORDING}\n\n✓ offers and news, news about your orders"
    world.tap(AMIRA, question.button(0))
    assert [world.check(AMIRA, name).reason for name in ("offers", "orders")] == ["granted", "granted"]
    assert world.check(AMIRA, "partners").verdict == "deny"
    assert world.sound()


def test_everything_ticked_is_the_plain_code(lone_site: Api, lone_world: World) -> None:
    told = send(lone_site, {"way": "chat", "lang": "en", "purpose": ["offers", "orders", "partners"]})
    assert unquote(told.headers["location"]).endswith(f"[{lone_world.workspace.entries['site'].code}]")


def test_nothing_ticked_is_told_and_nothing_begins(lone_site: Api, lone_world: World) -> None:
    for fields in ({"way": "chat"}, {"way": "chat", "purpose": ["everything"]}, {}):
        told = send(lone_site, fields)
        assert told.status_code == 422
        assert "Tick at least one." in told.text
        assert 'role="alert"' in told.text
    assert count_of(lone_world, "begun") == 0


# -- a number ----------------------------------------------------------------------------------------------------------


def test_a_number_is_asked_once_for_exactly_what_was_ticked(site: Api, world: World) -> None:
    told = send(site, fill(site, "07700 900123", "orders"), sec_fetch_site="same-origin", origin="null")
    assert told.status_code == 200
    assert "If this number is on WhatsApp" in told.text
    [letter] = asked(world)
    assert letter.to == AMIRA.address
    [request] = [line for line in world.history(AMIRA) if line["type"] == "opt_in_requested"]
    assert [cell[0] for cell in request["cells"]] == ["orders"]
    assert request["facts"]["notice_hash"] == world.workspace.notices["site"].hash("en")
    assert request["facts"]["how"] == "page"
    assert request["evidence"] == {"page": f"http://sayso.test{PAGE}", "ip": "127.0.0.1", "user_agent": "Test/1",
                                   "form": "site"}
    world.tap(AMIRA, letter.button(0))
    assert world.check(AMIRA, "orders").reason == "granted"
    assert world.check(AMIRA, "offers").verdict == "deny"
    turn = request["facts"]["turn"]
    assert [row[3] for row in rows_of(world.store, "hits") if row[2] == turn] == [1]  # the breaker heard of the yes
    assert count_of(world, "begun") == 1
    assert world.sound()


def test_digits_of_any_script_are_a_number_and_letters_are_none(lone_site: Api, lone_world: World) -> None:
    pasted = "\u202a+44 (0)7700 900456\u202c"  # as phones copy it from their contacts
    for right in ("٠٧٧٠٠ ٩٠٠١٢٣", pasted):
        assert send(lone_site, fill(lone_site, right)).status_code == 200
    assert [letter.to for letter in asked(lone_world)] == [AMIRA.address, BRUNO.address]
    for wrong in ("", "12", "+44 7700 9OO 123", "call me", "+44 7700 900123 00000", "+" * 40, "07700 900 " + "1" * 300,
                  "+999 123 456 789", "+44 909 879 0000"):
        told = send(lone_site, fill(lone_site, wrong, proof="eA=="))
        assert told.status_code == 422, wrong
        assert "This is not a whole phone number" in told.text, wrong
        assert "<img" not in told.text


def test_what_was_typed_is_shown_as_text_and_kept_for_mending(lone_site: Api) -> None:
    told = send(lone_site, fill(lone_site, '"><script>1</script>', "offers", proof="eA==")).text
    assert "<script>1" not in told
    assert "&lt;script&gt;1" in told
    assert 'value="offers" checked' in told
    assert 'value="orders" checked' not in told


def test_every_mistake_is_told_at_once_by_its_field(lone_site: Api) -> None:
    told = send(lone_site, {"way": "phone", "lang": "en", "phone": "1"})
    assert told.status_code == 422
    assert 'id="wrong-phone"' in told.text
    assert 'aria-invalid="true"' in told.text
    assert 'id="wrong-purposes"' in told.text


def test_a_country_that_is_not_on_the_list_is_told_to_write_first(lone_site: Api, lone_world: World) -> None:
    told = send(lone_site, fill(lone_site, CHEN.phone))
    assert told.status_code == 422
    assert "Numbers of this country cannot be asked from here" in told.text
    assert asked(lone_world) == []


def test_a_wording_that_changed_meanwhile_must_be_read_again(lone_site: Api, lone_world: World) -> None:
    stale = fill(lone_site) | {"notice_hash": shown_hash(lone_site, "ar")}
    told = send(lone_site, stale)
    assert told.status_code == 422
    assert "The wording has changed" in told.text
    assert asked(lone_world) == []


def test_a_field_people_do_not_see_catches_machines(lone_site: Api, lone_world: World) -> None:
    honest = send(lone_site, fill(lone_site))
    trapped = send(lone_site, fill(lone_site, SECOND_NUMBER, website="https://spam.example"))
    assert (trapped.status_code, trapped.text) == (200, honest.text)
    assert len(asked(lone_world)) == 1


def test_a_form_sent_through_another_website_is_refused(lone_site: Api, lone_world: World) -> None:
    for headers in ({"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}, {"origin": "https://evil.example"},
                    {"origin": "null"}, {"origin": "http://sayso.test.evil.example"}):
        problem(send(lone_site, fill(lone_site), **headers), 403, "forbidden")
    assert asked(lone_world) == []
    assert send(lone_site, fill(lone_site), origin="http://sayso.test").status_code == 200


def test_a_form_that_is_no_form_is_malformed(lone_site: Api) -> None:
    for raw in (b"\xff\xfe", "way=phone&phone=\u0661".encode(), b"a=1&" * 100, b"way=%ff"):
        problem(lone_site.post(PAGE, raw, key=""), 400, "malformed_body")
    problem(lone_site.post(PAGE, b"x" * 20_000, key=""), 413, "body_too_large")


# -- nobody learns anything --------------------------------------------------------------------------------------------


def test_the_answer_is_the_same_for_who_is_in_who_left_and_who_is_unknown(site: Api, world: World) -> None:
    world.join(AMIRA)
    world.say(BRUNO, "STOP")
    world.work()
    told: list[httpx.Response] = [send(site, fill(site, number))
                                  for number in (AMIRA.phone, BRUNO.phone, SECOND_NUMBER, SECOND_NUMBER)]
    assert {(answer.status_code, answer.text) for answer in told} == {(200, told[0].text)}
    same = [{name: value for name, value in answer.headers.items() if "request-id" not in name} for answer in told]
    assert all(headers == same[0] for headers in same)
    assert [letter.to.value for letter in asked(world)] == ["+447700900789"]


def test_the_answer_takes_the_same_time_for_everybody(lone_site: Api, lone_world: World,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    lone_world.join(AMIRA)
    monkeypatch.setattr(pages, "ANSWER_FLOOR_S", 0.2)
    took = []
    for number in (AMIRA.phone, SECOND_NUMBER, "12"):
        form = fill(lone_site, number)
        began = perf_counter()
        send(lone_site, form)
        took.append(perf_counter() - began)
    assert all(0.199 <= each < 0.3 for each in took), took


def test_what_takes_longer_than_the_floor_is_answered_at_its_next_multiple(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "ANSWER_FLOOR_S", 0.05)

    async def late() -> float:
        began = asyncio.get_running_loop().time()
        await asyncio.sleep(0.07)
        await pages.level(began)
        return asyncio.get_running_loop().time() - began

    assert 0.099 <= asyncio.run(late()) < 0.15


def test_a_stranger_cannot_ask_again_or_take_anything_from_who_is_in(site: Api, world: World) -> None:
    world.join(AMIRA)
    before = {line["id"] for line in world.history(AMIRA)}
    for _ in range(3):
        send(site, fill(site, AMIRA.phone, "offers", lang="ar"), sec_gpc="1")
        world.clock.go(2 * 86_400)
    assert asked(world) == []
    assert {line["id"] for line in world.history(AMIRA)} == before
    assert world.check(AMIRA).reason == "granted"
    row = world.store.read(lambda tx: tx.row("person", ws=world.workspace.id, person=world.person(AMIRA)))
    assert row is not None
    assert row[4] == "en"


def test_somebody_who_left_is_never_asked_by_a_form(site: Api, world: World) -> None:
    world.join(BRUNO)
    world.say(BRUNO, "STOP")
    world.work()
    assert send(site, fill(site, BRUNO.phone)).status_code == 200
    assert asked(world) == []
    assert world.check(BRUNO).verdict == "deny"


# -- the proof of work -------------------------------------------------------------------------------------------------


def test_a_proof_of_work_counts_once(site: Api, world: World) -> None:
    used = solved(site)
    assert send(site, fill(site, proof=used)).status_code == 200
    again = send(site, fill(site, SECOND_NUMBER, proof=used))
    assert again.status_code == 422
    assert "sent before" in again.text
    assert len(asked(world)) == 1


def test_a_proof_of_another_form_or_of_yesterday_or_of_nothing_is_refused(lone_site: Api, lone_world: World) -> None:
    other = solved(lone_site, "acme/single")
    old = solved(lone_site)
    lone_world.clock.go(601)
    for wrong in (other, old, "", "eA==", "é", "x" * 5_000):
        told = send(lone_site, fill(lone_site, proof=wrong))
        assert told.status_code == 422, wrong
    assert asked(lone_world) == []


# -- who the visitor is ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("forwarded", "found"), [
    ("", "127.0.0.1"), ("203.0.113.9", "203.0.113.9"), ("6.6.6.6, 203.0.113.9", "203.0.113.9"),
    ("6.6.6.6, 203.0.113.9, 10.0.0.3", "203.0.113.9"), ("203.0.113.9:4711", "203.0.113.9"),
    ("[2001:db8::5]:443", "2001:db8::5"), ("6.6.6.6, nonsense", "127.0.0.1"), ("nonsense, 203.0.113.9", "203.0.113.9"),
])
def test_only_our_own_proxies_say_who_a_visitor_is(lone_world: World, forwarded: str, found: str) -> None:
    proxies = [ipaddress.ip_network(text) for text in ("127.0.0.1/32", "10.0.0.0/8")]
    world = with_page(lone_world)
    with api_of(world) as plain, asyncio.Runner() as runner:
        behind = Api(world.system, world.workspace, runner, build(world.system, proxies=proxies))
        for api, expected in ((plain, "127.0.0.1"), (behind, found)):
            number = f"+44 7700 900{300 if api is plain else 700}"
            headers = {"x_forwarded_for": forwarded} if forwarded else {}
            assert send(api, fill(api, number), **headers).status_code == 200
            told = world.history(identity.phone(number))
            assert [line["evidence"]["ip"] for line in told if "ip" in line["evidence"]] == [expected]
        behind.app.desk.close()


# -- Global Privacy Control --------------------------------------------------------------------------------------------


def test_a_privacy_signal_is_an_objection_to_sharing(site: Api, world: World) -> None:
    assert send(site, fill(site), sec_gpc="1").status_code == 200
    [question] = asked(world)
    assert "said_stop" not in world.types(AMIRA)  # anybody's browser may have sent it
    world.tap(AMIRA, question.button(0))
    [stop] = [line for line in world.history(AMIRA) if line["type"] == "said_stop"]
    assert stop["cells"] == [["*", "*", "sharing"]]
    assert stop["facts"]["how"] == "gpc"
    assert world.check(AMIRA, "offers").reason == "granted"
    assert world.check(AMIRA, "partners").verdict == "deny"
    assert count_of(world, "gpc") == 1
    assert send(site, fill(site, SECOND_NUMBER), sec_gpc="0").status_code == 200
    assert count_of(world, "gpc") == 1
    assert world.sound()


def test_who_ticks_sharing_and_confirms_it_says_more_than_the_signal(site: Api, world: World) -> None:
    send(site, fill(site, AMIRA.phone, "offers", "partners"), sec_gpc="1")
    [question] = asked(world)
    world.tap(AMIRA, question.button(0))
    assert world.check(AMIRA, "partners").reason == "granted"


def test_a_strangers_signal_takes_no_sharing_away_until_the_number_answers(site: Api, world: World) -> None:
    send(site, fill(site, AMIRA.phone, "partners"))
    world.tap(AMIRA, asked(world)[0].button(0))
    world.clock.go(2 * 86_400)
    send(site, fill(site, AMIRA.phone, "orders"), sec_gpc="1")
    assert world.check(AMIRA, "partners").reason == "granted"
    [question] = asked(world)
    world.tap(AMIRA, question.button(0))  # it was Amira: now her browser's objection is hers
    assert world.check(AMIRA, "partners").verdict == "deny"
    assert world.check(AMIRA, "orders").reason == "granted"
    assert world.sound()


def test_gpc_support_is_declared(lone_site: Api) -> None:
    told = lone_site.get("/.well-known/gpc.json", key="").json()
    assert told["gpc"] is True
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", told["lastUpdate"])


# -- when the house is on fire -----------------------------------------------------------------------------------------


def test_a_database_that_cannot_record_says_so_on_the_page(lone_site: Api, lone_world: World) -> None:
    form = fill(lone_site)
    run_sql(lone_world.store, "create trigger full before insert on hits begin select raise(abort, 'disk'); end")
    told = send(lone_site, form)
    assert told.status_code == 503
    assert "That did not work just now" in told.text
    assert asked(lone_world) == []


def test_a_form_from_elsewhere_is_refused_in_the_words_of_the_page(lone_site: Api) -> None:
    browser = {"accept": "text/html,*/*;q=0.8", "origin": "https://evil.example"}
    for lang, said in (("en", "did not come from this page"), ("ar", "\u0644\u0645 \u064a\u0623\u062a\u0650")):
        told = send(lone_site, {"way": "chat"}, f"{PAGE}?lang={lang}", **browser)
        assert (told.status_code, told.headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert said in told.text
        assert 'href="../../w/page.css"' in told.text
    huge = send(lone_site, {"way": "x" * 20_000}, accept="text/html", accept_language="fr")
    assert (huge.status_code, '<html lang="fr"' in huge.text) == (413, True)
    assert f'action="{PAGE.rpartition("/")[2]}?lang=en"' in lone_site.get(PAGE, key="").text
