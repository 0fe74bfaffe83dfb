"""The preference page: what it shows and to whom, what it does, and what it never does."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote, urljoin

import pytest

from sayso.core.purposes import ANY
from sayso.errors import Unavailable
from sayso.flows import ledger, links, preferences
from sayso.ports import DAY
from sayso.web import preferences as preferences_page
from sayso.web import problems
from sayso.web.preference_view import all_words
from sayso.web.texts import all_texts
from tests.cast import AMIRA, BRUNO, CHEN
from tests.stores import World, declaration, neighbour, rows_of, settle_in
from tests.web.desk import Api, api_of, contents, problem
from tests.web.leaving import path_to, press, send_form, switches, words_of
from tests.web.visits import PAGE, with_page

CRAWLERS = ("WhatsApp/2.24.20.89 A", "facebookexternalhit/1.1", "Mozilla/5.0 (iPhone) Safari")


@pytest.fixture
def shop(world: World) -> Iterator[Api]:
    with api_of(with_page(world)) as api:
        yield api


@pytest.fixture
def lone_shop(lone_world: World) -> Iterator[Api]:
    with api_of(with_page(lone_world)) as api:
        yield api


def joined(world: World) -> str:
    """Amira agreed to offers and orders; the path of her page."""
    world.join(AMIRA, "JOIN ALL")
    return path_to(world, AMIRA)


# -- what it shows -----------------------------------------------------------------------------------------------------


def test_it_says_who_asks_and_where_one_stands_before_anything_else(lone_shop: Api, lone_world: World) -> None:
    told = lone_shop.get(joined(lone_world), key="")
    words = words_of(told.text)
    assert told.status_code == 200
    assert "Acme may send you on WhatsApp: offers and news, news about your orders." in words
    places = [words.index(part) for part in (
        "Your messages from Acme", "+44 7700 900100", "Acme may send you", "Stop all messages", "What you get",
        "Take a break", "What is recorded", "Your data", "Delete my data")]
    assert places == sorted(places)
    assert switches(told.text) == {"offers": "on", "orders": "on", "trial": "off", "partners": "off"}


def test_the_history_has_the_exact_wording_that_was_shown_and_when(lone_shop: Api, lone_world: World) -> None:
    told = lone_shop.get(joined(lone_world), key="").text
    shown = re.findall(r'<blockquote class="notice"[^>]*>(.*?)</blockquote>', told, re.DOTALL)
    assert shown == [lone_world.workspace.notices["both"].text["en"]]
    assert "You said yes: offers and news, news about your orders" in words_of(told)
    assert re.search(r'<time datetime="2026-09-2\dT\d\d:\d\dZ">\u2068?2\d September 2026', told)


def test_it_shows_no_number_no_name_and_nothing_that_was_written(lone_shop: Api, lone_world: World) -> None:
    lone_world.say(AMIRA, "my aunt Rosa is ill, call me")
    told = lone_shop.get(joined(lone_world), key="").text
    for secret in (AMIRA.phone[1:], AMIRA.phone[-6:], "0900123", "BSUID", "1349AMIRA", "Rosa", "JOIN ALL",
                   lone_world.person(AMIRA), path_to(lone_world, AMIRA).rpartition("/")[2][:20]):
        assert secret not in told


def test_it_lets_nothing_in_and_tells_nobody_where_one_came_from(lone_shop: Api, lone_world: World) -> None:
    path = joined(lone_world)
    answers = [lone_shop.get(path, key=""), send_form(lone_shop, path, {"do": "stop"}),
               send_form(lone_shop, path, "List-Unsubscribe=One-Click", x="1"), lone_shop.get("/p/nothing", key="")]
    for told in answers[:3]:
        assert told.headers["referrer-policy"] == "same-origin"
        assert told.headers["cache-control"] == "no-store"
        assert told.headers["x-robots-tag"] == "noindex, nofollow"
        assert "default-src 'none'; style-src 'self'" in told.headers["content-security-policy"]
        assert "frame-ancestors 'none'" in told.headers["content-security-policy"]
        assert "set-cookie" not in told.headers
        assert path not in str(told.headers)
        assert path.rpartition("/")[2] not in told.text
    page = answers[0].text
    assert not re.search(r"<script|<img|<iframe|style=|\son[a-z]+=", page)
    outside = [url for url in re.findall(r'(?:href|src|action)="([^"]*)"', page) if "//" in url]
    assert all(url.startswith(("https://wa.me/447700900100", "https://acme.example/privacy")) for url in outside)


def test_the_preview_in_a_chat_says_nothing_about_anybody(lone_shop: Api, lone_world: World) -> None:
    amira = joined(lone_world)
    lone_world.say(BRUNO, "STOP")
    heads = {lone_shop.get(path, key="").text.split("</head>")[0] for path in (amira, path_to(lone_world, BRUNO))}
    assert len(heads) == 1


def test_the_page_speaks_every_language_of_the_landing_page(lone_shop: Api, lone_world: World) -> None:
    path = joined(lone_world)
    pressed = {"stop": {}, "pause": {"days": "7"}, "save": {"set.orders": "off", "set.partners": "on"}}
    assert set(all_words()) == set(all_texts())
    for lang, mine in all_words().items():
        told = lone_shop.get(f"{path}?lang={lang}", key="").text
        assert f'<html lang="{lang}" dir="{"rtl" if lang == "ar" else "ltr"}">' in told
        assert not re.search(r"[{}]", words_of(told))
        assert mine.data_word in unquote(told)
        assert (mine.stop_all in words_of(told)) == (lang == "ar")  # the first of them stops it
        for do, more in pressed.items():
            assert not re.search(r"[{}]", words_of(press(lone_shop, path, do, lang=lang, **more).text)), (lang, do)


def test_the_page_comes_in_the_persons_own_language_unless_another_is_chosen(
        lone_shop: Api, lone_world: World) -> None:
    path = joined(lone_world)
    lone_world.store.write(lambda tx: tx.run("set_lang", ws=lone_world.workspace.id, person=lone_world.person(AMIRA),
                                             lang="de-AT"))
    assert '<html lang="de"' in lone_shop.get(path, key="", headers={"accept-language": "fr"}).text
    assert '<html lang="fr"' in lone_shop.get(f"{path}?lang=fr", key="").text
    told = send_form(lone_shop, path, {"lang": "ar", "do": "stop"})
    assert told.headers["location"] == "?done=stop&lang=ar"


# -- looking changes nothing -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("agent", CRAWLERS)
def test_whoever_fetches_the_page_and_every_link_on_it_changes_no_row(
        shop: Api, world: World, agent: str) -> None:
    path = joined(world)
    paths = [path, path_to(world, AMIRA, "data")]
    before = contents(world.store)
    for start in paths:
        page = shop.get(start, key="").text
        own = [urljoin(start, url.replace("&amp;", "&")) for url in re.findall(r'href="([^"]*)"', page)
               if "//" not in url and not url.startswith("data:")]
        assert f"{start}?ask=erase" in own
        wild = [f"{start}?done=stop", f"{start}?do=stop", f"{start}?do=erase&ask=erase", f"{start}?on=partners",
                f"{start}?done=erased", f"{start}?List-Unsubscribe=One-Click"]
        for url in (start, *own, *wild):
            for method in ("GET", "HEAD", "OPTIONS"):
                told = shop.run(shop.send(method, url, key="", headers={
                    "user-agent": agent, "sec-purpose": "prefetch;prerender", "sec-gpc": "1"}))
                assert told.status_code in (200, 405)
    assert contents(world.store) == before


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_other_methods_are_refused(lone_shop: Api, lone_world: World, method: str) -> None:
    path = joined(lone_world)
    problem(lone_shop.run(lone_shop.send(method, path, key="")), 405, "method_not_allowed")


# -- leaving -----------------------------------------------------------------------------------------------------------


def test_one_button_stops_everything_and_says_so_after_the_drain(shop: Api, world: World) -> None:
    path = joined(world)
    told = press(shop, path, "stop")
    assert "Done. Acme sends you nothing more." in words_of(told.text)
    assert "Stop all messages" not in told.text
    assert world.check(AMIRA).reason == "stopped_all"
    [letter] = world.work()  # the one confirmation, in the chat, for the window is open
    assert "no more messages" in letter.body
    assert "You said stop: everything" in words_of(told.text)


def test_a_stop_pressed_twice_or_a_hundred_times_is_recorded_once(shop: Api, world: World) -> None:
    path = joined(world)
    for _ in range(4):
        press(shop, path, "stop")
    send_form(shop, path, "List-Unsubscribe=One-Click", x="1")
    assert world.types(AMIRA).count("said_stop") == 1
    assert len(world.work()) == 1


def test_a_stop_waits_for_what_is_under_way_or_says_when_it_is_silent(
        lone_shop: Api, lone_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso.web.api.DRAIN_SECONDS", 0.01)
    path = joined(lone_world)
    permit = lone_world.permit(AMIRA)
    lone_world.redeem(permit.id)
    for told in (press(lone_shop, path, "save", **{"was.orders": "on", "set.orders": "off"}),
                 press(lone_shop, path, "pause", days="7"), press(lone_shop, path, "stop")):
        assert re.search(r"from \d\d:\d\d:\d\d UTC on nothing leaves any more", words_of(told.text))
    lone_world.done(permit.id)
    assert "Done. Acme sends you nothing more." in words_of(press(lone_shop, path, "stop").text)


def test_a_machine_stops_with_one_click_from_anywhere(shop: Api, world: World) -> None:
    path = joined(world)
    told = send_form(shop, path, "List-Unsubscribe=One-Click", origin="https://mail.example",
                     sec_fetch_site="cross-site")
    assert (told.status_code, told.headers.get("location")) == (200, None)
    assert world.check(AMIRA).reason == "stopped_all"
    [stop] = [line for line in world.history(AMIRA) if line["type"] == "said_stop"]
    assert stop["facts"]["how"] == "one_click"


def test_one_click_may_come_as_a_multipart_form(lone_shop: Api, lone_world: World) -> None:
    path = joined(lone_world)
    body = (b'--x\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--x--\r\n')
    told = lone_shop.post(path, body, key="", headers={"content-type": "multipart/form-data; boundary=x"})
    assert told.status_code == 200
    assert lone_world.check(AMIRA).reason == "stopped_all"


def test_a_purpose_is_switched_off_for_every_sender_and_the_others_stay(shop: Api, world: World) -> None:
    path = joined(world)
    told = press(shop, path, "save", **{"was.offers": "on", "set.offers": "off", "was.orders": "on",
                                        "set.orders": "on"})
    assert "Saved." in words_of(told.text)
    assert switches(told.text)["offers"] == "off"
    assert world.check(AMIRA).reason == "stopped"
    assert world.check(AMIRA, "orders").allowed
    [stop] = [line for line in world.history(AMIRA) if line["type"] == "said_stop"]
    assert stop["cells"] == [["offers", ANY, ANY]]


@pytest.mark.parametrize("fields", [
    {}, {"do": ""}, {"do": "save"}, {"do": "nothing"}, {"do": "save", "was.offers": "on"},
    {"do": "save", "was.offers": "on", "set.offers": "on"}, {"do": "save", "set.offers": "perhaps"},
    {"do": "save", "set.nothing": "off"}, {"do": "save", "was.trial": "off", "set.trial": "off"},
    {"do": "save", "set.": "off", "was.": "on"},
])  # fmt: skip
def test_an_empty_or_broken_or_unchanged_form_changes_nothing(shop: Api, world: World, fields: dict[str, str]) -> None:
    path = joined(world)
    before = contents(world.store)
    assert send_form(shop, path, fields).status_code == 303
    assert contents(world.store) == before


def test_a_form_that_was_open_for_long_takes_no_later_yes_away_and_gives_none_back(
        lone_shop: Api, lone_world: World) -> None:
    lone_world.say(AMIRA, "hello")
    path = path_to(lone_world, AMIRA)
    stale = {"was.offers": "off", "set.offers": "off", "was.orders": "off", "set.orders": "off"}
    lone_world.join(AMIRA)
    press(lone_shop, path, "save", **stale)
    assert lone_world.check(AMIRA).allowed
    shown_on = {"was.offers": "on", "set.offers": "on"}
    press(lone_shop, path, "stop")
    press(lone_shop, path, "save", **shown_on)
    assert lone_world.check(AMIRA).reason == "stopped_all"


def test_where_a_form_says_both_the_no_counts(lone_shop: Api, lone_world: World) -> None:
    path = joined(lone_world)
    press(lone_shop, path, "save", **{"was.offers": "on", "set.offers": ["on", "off"]})
    assert lone_world.check(AMIRA).reason == "stopped"


# -- joining -----------------------------------------------------------------------------------------------------------


def test_switching_on_grants_nothing_and_leads_into_the_chat(shop: Api, world: World) -> None:
    path = joined(world)
    press(shop, path, "stop")
    world.work()
    before = contents(world.store)
    told = press(shop, path, "save", **{"was.offers": "off", "set.offers": "on"})
    assert contents(world.store) == before
    assert world.check(AMIRA).reason == "stopped_all"
    [link] = re.findall(r'<a class="go" href="(https://wa.me/447700900100\?text=[^"]+)"', told.text)
    world.clock.go(400)
    world.say(AMIRA, unquote(link.partition("=")[2]))
    world.tap(AMIRA, world.question().button(0))
    assert world.check(AMIRA).allowed


def test_several_purposes_of_one_notice_are_one_message(lone_world: World) -> None:
    business = with_page(lone_world).workspace
    [(purposes, url)] = preferences.ways_in(business, ["orders", "partners"], "hello")
    assert purposes == ("orders", "partners")
    assert unquote(url).endswith(" orders partners]")
    assert [names for names, _ in preferences.ways_in(business, ["trial"], "hello")] == [("trial",)]
    assert preferences.ways_in(business, ["nothing"], "hello") == []


def test_leaving_is_never_more_steps_than_joining(lone_shop: Api, lone_world: World) -> None:
    """Steps are what a person does: open a page, tick a box, press a button, send a message, tap in the chat."""
    joining = 1  # open the landing page
    page = lone_shop.get(PAGE, key="").text
    assert 'name="purpose" value="offers"' in page
    joining += 2  # tick, continue
    told = send_form(lone_shop, PAGE, {"way": "chat", "lang": "en", "purpose": "offers"})
    assert told.headers["location"].startswith("https://wa.me/")
    joining += 1  # send what WhatsApp opens with
    lone_world.say(AMIRA, unquote(told.headers["location"].partition("=")[2]))
    joining += 1  # tap yes
    lone_world.tap(AMIRA, lone_world.question().button(0))
    assert lone_world.check(AMIRA).allowed

    leaving = 1  # open the link
    path = path_to(lone_world, AMIRA)
    page = lone_shop.get(path, key="").text
    first = page[page.index("<form"):page.index("</form>")]
    assert re.findall(r'name="do" value="(\w+)"', first) == ["stop"]
    assert len(re.findall(r"<button", first)) == 1
    assert not re.findall(r'type="(?!hidden)', first)
    leaving += 1  # press it
    press(lone_shop, path, "stop")
    assert lone_world.check(AMIRA).reason == "stopped_all"
    assert leaving <= joining
    assert leaving == 2


# -- pausing -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("days", preferences.PAUSES)
def test_a_break_holds_everything_for_its_time_and_then_goes_on(shop: Api, world: World, days: int) -> None:
    path = joined(world)
    told = press(shop, path, "pause", days=str(days))
    assert re.search(r"Nothing comes until \d+ [A-Z][a-z]+ 202[67]\.", words_of(told.text))
    assert "End the break" in told.text
    verdict = world.check(AMIRA)
    assert (verdict.verdict, verdict.reason) == ("wait", "paused")
    assert verdict.until == world.clock.time + days * DAY
    world.clock.go(days * 86_400)
    assert world.check(AMIRA).allowed


def test_a_break_is_ended_early_and_neither_is_recorded_twice(shop: Api, world: World) -> None:
    path = joined(world)
    for _ in range(2):
        press(shop, path, "pause", days="30")
    world.clock.go(1)
    for _ in range(2):
        told = press(shop, path, "resume")
    assert world.check(AMIRA).allowed
    assert [kind for kind in world.types(AMIRA) if kind.startswith("pause")] == ["paused", "pause_ended"]
    assert "Nothing was changed." in words_of(told.text)


def test_ending_a_break_lifts_no_stop(lone_shop: Api, lone_world: World) -> None:
    path = joined(lone_world)
    press(lone_shop, path, "pause", days="7")
    press(lone_shop, path, "stop")
    press(lone_shop, path, "resume")
    assert lone_world.check(AMIRA).reason == "stopped_all"


@pytest.mark.parametrize("days", ["", "8", "-7", "٧", "7.0", "99999999999999999999"])
def test_a_break_of_another_length_is_refused(lone_shop: Api, lone_world: World, days: str) -> None:
    path = joined(lone_world)
    problem(send_form(lone_shop, path, {"do": "pause", "days": days}), 422, "invalid_request")


# -- who may -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("headers", [
    {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"}, {"origin": "https://evil.example"},
    {"origin": "null"}, {"origin": "http://sayso.test.evil.example"},
])  # fmt: skip
@pytest.mark.parametrize("do", ["stop", "save", "pause", "resume", "erase", "data", "reason"])
def test_a_form_of_another_website_is_refused(lone_shop: Api, lone_world: World, do: str,
                                              headers: dict[str, str]) -> None:
    path = joined(lone_world)
    before = contents(lone_world.store)
    problem(send_form(lone_shop, path, {"do": do, "days": "7"}, **headers), 403, "forbidden")
    assert contents(lone_world.store) == before


def test_a_form_by_a_browser_that_names_our_origin_is_taken(lone_shop: Api, lone_world: World) -> None:
    path = joined(lone_world)
    assert send_form(lone_shop, path, {"do": "stop"}, origin="http://sayso.test").status_code == 303
    assert lone_world.check(AMIRA).reason == "stopped_all"


def test_a_forged_a_cut_and_a_strangers_link_are_one_and_the_same_page(shop: Api, world: World) -> None:
    path = joined(world)
    before = contents(world.store)
    stranger = links.token(world.kit, world.kit.ports.new_id("wrk"), world.person(AMIRA), "preferences")
    bad = [path[:-1], path[:-2] + "AA", "/p/x", "/p/" + "A" * 95, f"/p/{stranger}", "/p/" + "-" * 160]
    looked = [shop.get(one, key="") for one in bad]
    acted = [send_form(shop, one, {"do": do}) for one in bad for do in ("stop", "erase")]
    clicked = [send_form(shop, one, "List-Unsubscribe=One-Click", x="1") for one in bad]
    assert {told.status_code for told in (*looked, *acted, *clicked)} == {404}
    assert len({told.text for told in (*looked, *acted, *clicked)}) == 1
    assert contents(world.store) == before


def test_a_link_of_another_business_moves_nobody_here(shop: Api, world: World) -> None:
    joined(world)
    other = neighbour(world)
    other.say(CHEN, "hello")
    crossed = links.token(world.kit, other.workspace.id, world.person(AMIRA), "preferences")
    told = press(shop, f"/p/{crossed}", "stop")
    assert "Nothing about you is kept here" in told.text
    assert world.check(AMIRA).allowed


# -- old links ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("use", links.USES)
def test_an_old_link_shows_nothing_and_still_stops(shop: Api, world: World, use: links.Use) -> None:
    world.join(AMIRA, "JOIN ALL")
    path = path_to(world, AMIRA, use)
    world.clock.go(links.SHOWN_FOR[use] / 1_000_000)
    page = shop.get(f"{path}?ask=erase&on=partners&done=stop", key="").text
    assert "This link is old" in page
    for hidden in ("offers and news", "What is recorded", "Delete my data", "wa.me", "Done."):
        assert hidden not in words_of(page)
    for do in ("save", "pause", "resume", "erase", "data", "reason"):
        assert send_form(shop, path, {"do": do, "days": "7", "set.offers": "off"}).status_code == 303
    assert world.check(AMIRA).allowed
    told = send_form(shop, path, {"do": "stop"})
    assert (told.status_code, "Done. Acme sends you nothing more." in words_of(told.text)) == (200, True)
    assert world.check(AMIRA).reason == "stopped_all"
    world.clock.go(5 * 365 * 86_400)
    assert send_form(shop, path, "List-Unsubscribe=One-Click", x="1").status_code == 200


def test_an_old_link_looks_the_same_whoever_it_belongs_to(lone_shop: Api, lone_world: World) -> None:
    amira = joined(lone_world)
    lone_world.say(BRUNO, "STOP")
    bruno = path_to(lone_world, BRUNO)
    nobody = f"/p/{links.token(lone_world.kit, lone_world.workspace.id, lone_world.kit.ports.new_id('per'), 'data')}"
    lone_world.clock.go(31 * 86_400)
    pages = {lone_shop.get(path, key="").text for path in (amira, bruno, nobody)}
    assert len(pages) == 1
    assert len({send_form(lone_shop, path, {"do": "stop"}).text for path in (amira, bruno, nobody)}) == 1


def test_the_link_of_a_record_that_was_merged_leads_to_the_person(lone_shop: Api, lone_world: World) -> None:
    lone_world.say(AMIRA, "hello", addresses=AMIRA.addresses[:1])
    lone_world.say(AMIRA, "hello", addresses=AMIRA.addresses[1:])
    paths = [path_to(lone_world, address) for address in AMIRA.addresses]
    lone_world.join(AMIRA)
    assert all(switches(lone_shop.get(path, key="").text)["offers"] == "on" for path in paths)
    press(lone_shop, paths[1], "stop")
    assert lone_world.check(AMIRA).reason == "stopped_all"


# -- data and erasure --------------------------------------------------------------------------------------------------


def test_only_a_link_that_the_phone_asked_for_hands_everything_over(shop: Api, world: World) -> None:
    path = joined(world)
    before = contents(world.store)
    assert "Download my data" not in shop.get(path, key="").text
    assert "text=MY%20DATA" in shop.get(path, key="").text
    assert send_form(shop, path, {"do": "data"}).status_code == 303
    assert contents(world.store) == before
    told = send_form(shop, path_to(world, AMIRA, "data"), {"do": "data"})
    assert told.headers["content-disposition"] == 'attachment; filename="acme-my-data.json"'
    whole = json.loads(told.content)
    assert {one["address"] for one in whole["addresses"]} == {address.dial for address in AMIRA.addresses}
    assert [one["state"] for one in whole["consents"]] == ["granted", "granted"]
    assert world.workspace.notices["both"].text["en"] in [line["wording"] for line in whole["history"]]
    assert world.types(AMIRA)[-1] == "data_given"


def test_deleting_asks_once_and_keeps_the_no_and_nothing_else(shop: Api, world: World) -> None:
    path = joined(world)
    asked = shop.get(f"{path}?ask=erase", key="").text
    assert "Delete your data now?" in asked
    assert re.findall(r'name="do" value="(\w+)"', asked)[0] == "erase"
    told = press(shop, path, "erase")
    assert "Nothing about you is kept here" in told.text
    assert world.check(AMIRA).reason == "suppressed"
    assert rows_of(world.store, "addresses") == []
    bodies = [bytes(row[5]) for row in rows_of(world.store, "events")]
    assert any(b'"erasure_requested"' in body for body in bodies)
    assert world.work() == []


def test_deleting_waits_for_what_is_under_way(
        lone_shop: Api, lone_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[tuple[str, ...]] = []

    async def drain(_: object, ws: str, people: tuple[str, ...]) -> bool:
        waited.append(people)
        return True

    monkeypatch.setattr("sayso.web.preferences.drain", drain)
    path, person = joined(lone_world), lone_world.check(AMIRA).person
    lone_world.redeem(lone_world.permit(AMIRA).id)
    assert "Nothing about you is kept here" in press(lone_shop, path, "erase").text
    assert waited == [(person,)]


def test_the_link_of_somebody_erased_still_answers_and_does_nothing(shop: Api, world: World) -> None:
    path = joined(world)
    press(shop, path, "erase")
    before = contents(world.store)
    for do in ("stop", "save", "pause", "resume", "erase", "data", "reason"):
        told = press(shop, path, do, days="7", **{"set.offers": "off"})
        assert "Nothing about you is kept here" in told.text
    assert send_form(shop, path, "List-Unsubscribe=One-Click", x="1").status_code == 200
    assert contents(world.store) == before


def test_an_old_link_stops_who_was_erased_and_came_back(shop: Api, world: World) -> None:
    path = joined(world)
    press(shop, path, "erase")
    world.clock.go(90_000)
    world.say(AMIRA, "START")
    [letter] = [letter for letter in world.work() if letter.asks]
    world.tap(AMIRA, letter.button(0))
    assert world.check(AMIRA).allowed
    assert send_form(shop, path, "List-Unsubscribe=One-Click", x="1").status_code == 200
    assert world.check(AMIRA).reason == "stopped_all"


# -- the signal, and why -----------------------------------------------------------------------------------------------


def test_a_browser_that_objects_to_sharing_is_heard_with_the_next_button(shop: Api, world: World) -> None:
    path = joined(world)
    assert "asks not to pass on your data" in shop.get(path, key="", headers={"sec-gpc": "1"}).text
    for _ in range(2):
        send_form(shop, path, {"do": "save"}, sec_fetch_site="same-origin", sec_gpc="1")
    [stop] = [line for line in world.history(AMIRA) if line["type"] == "said_stop"]
    assert (stop["cells"], stop["facts"]["how"]) == ([[ANY, ANY, "sharing"]], "gpc")
    assert world.check(AMIRA).allowed


def test_why_somebody_left_is_asked_only_if_wanted_and_taken_once(shop: Api, world: World) -> None:
    path = joined(world)
    assert "say why" not in press(shop, path, "stop").text
    press(shop, path, "reason", reason="too_many")
    assert "reason_given" not in world.types(AMIRA)
    with_page(world, ask_reason=True)
    told = press(shop, path, "stop")
    assert "say why" in told.text
    assert "say why" not in shop.get(path, key="").text
    for reason in ("nonsense", "never_asked", "other"):
        press(shop, path, "reason", reason=reason)
    [given] = [line for line in world.history(AMIRA) if line["type"] == "reason_given"]
    assert given["facts"]["reason"] == "never_asked"
    assert world.check(AMIRA).reason == "stopped_all"


def test_what_cannot_be_recorded_is_said_and_the_link_stands_in_no_log(
        lone_shop: Api, lone_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = joined(lone_world)

    def broken(_work: Any) -> Any:
        raise Unavailable("The disk is full.")

    lines: list[str] = []
    for room in (preferences_page, problems):
        monkeypatch.setattr(room, "log", lambda *event, **fields: lines.append(f"{event} {fields}"))
    monkeypatch.setattr(lone_world.store, "submit", broken)
    told = send_form(lone_shop, path, {"do": "stop"})
    assert (told.status_code, "That did not work just now" in told.text) == (503, True)
    assert "Done." not in told.text
    assert send_form(lone_shop, path, "List-Unsubscribe=One-Click", x="1").status_code == 503
    logged = "".join(lines)
    assert logged.count("unavailable") == 2
    assert path.rpartition("/")[2] not in logged


def test_the_ledger_still_verifies_after_everything_the_page_can_do(shop: Api, world: World) -> None:
    path, data = joined(world), path_to(world, AMIRA, "data")
    with_page(world, ask_reason=True)
    for do, more in (("pause", {"days": "7"}), ("resume", {}), ("save", {"was.offers": "on", "set.offers": "off"}),
                     ("stop", {}), ("reason", {"reason": "other"})):
        press(shop, path, do, **more)
        world.clock.go(1)
    send_form(shop, data, {"do": "data"})
    world.store.write(lambda tx: ledger.integrate(tx, world.kit, world.workspace.id))
    assert world.verify().problems == []
    press(shop, path, "erase")
    world.store.write(lambda tx: ledger.integrate(tx, world.kit, world.workspace.id))
    assert world.verify().problems == []


# -- hostile bodies ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [
    b"\xff\xfe", b"do=%ff", b"a=1&" * 2_000, b"do=stop%00", b"do[]=stop", b'{"do": "stop"}', b"=&=&=", b"do",
    b"List-Unsubscribe=One-Click&x=1", b"do=save&set.offers=%0d%0aoff", b"do=save&set.__class__=off",
])  # fmt: skip
def test_a_hostile_body_changes_nothing_and_breaks_nothing(lone_shop: Api, lone_world: World, body: bytes) -> None:
    path = joined(lone_world)
    before = contents(lone_world.store)
    told = lone_shop.post(path, body, key="", headers={"content-type": "application/x-www-form-urlencoded",
                                                       "sec-fetch-site": "same-origin"})
    assert told.status_code in (303, 400)
    assert contents(lone_world.store) == before


def test_a_body_over_the_limit_is_not_read(lone_shop: Api, lone_world: World) -> None:
    problem(send_form(lone_shop, joined(lone_world), "a=" + "x" * 70_000), 413, "body_too_large")


def test_what_a_business_calls_things_is_text_and_no_markup(lone_shop: Api, lone_world: World) -> None:
    path = joined(lone_world)
    whole = declaration()
    whole["workspace"]["name"] = "<b>{business}</b>"
    whole["purposes"]["offers"]["title"] = "<script>{stop}</script>"
    settle_in(lone_world.system, whole)
    told = lone_shop.get(path, key="").text
    assert "<script" not in told
    assert "<b>" not in told
    assert "&lt;script&gt;{stop}" in told


def test_many_stops_at_the_same_moment_are_one(shop: Api, world: World) -> None:
    path = joined(world)

    async def rush() -> list[Any]:
        headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
        return await asyncio.gather(*(shop.send("POST", path, b"do=stop", key="", headers=headers) for _ in range(8)))

    assert {told.status_code for told in shop.run(rush())} == {303}
    assert world.types(AMIRA).count("said_stop") == 1


# -- what cannot be done, told to people -------------------------------------------------------------------------------

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.mark.parametrize(("fields", "more", "status", "words"), [
    ("do=pause&days=7", {"sec-fetch-site": "cross-site"}, 403, "did not come from this page"),
    ("a=" + "x" * 70_000, {"sec-fetch-site": "same-origin"}, 413, "Nothing was changed"),
    ("do=%ff", {"sec-fetch-site": "same-origin"}, 400, "Nothing was changed")])
def test_a_browser_is_told_in_words_and_a_program_in_json(lone_shop: Api, lone_world: World, fields: str,
                                                          more: dict[str, str], status: int, words: str) -> None:
    path = joined(lone_world)
    told = send_form(lone_shop, path, fields, **more, **BROWSER)
    assert (told.status_code, told.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert words in words_of(told.text)
    assert "script" not in told.headers["content-security-policy"]
    assert path.rpartition("/")[2] not in told.text
    for accept in ("*/*", "application/json", "text/html-but-not", ""):
        assert send_form(lone_shop, path, fields, **more, accept=accept).headers["content-type"] == \
            "application/problem+json"


def test_trouble_is_told_in_the_language_of_the_page(lone_shop: Api, lone_world: World) -> None:
    path = joined(lone_world)
    for lang, texts in all_texts().items():
        told = send_form(lone_shop, f"{path}?lang={lang}", "do=pause", origin="https://evil.example", **BROWSER)
        assert f'<html lang="{lang}" dir="{"rtl" if lang == "ar" else "ltr"}">' in told.text
        assert texts.trouble_foreign in told.text
        assert f'href="?lang={lang}"' in told.text
    by_browser = send_form(lone_shop, path, "do=pause", origin="https://evil.example", accept_language="de", **BROWSER)
    assert all_texts()["de"].trouble in by_browser.text
    odd = send_form(lone_shop, f"{path}?lang=%22%3E%3Cb%3E", "do=pause", origin="https://evil.example", **BROWSER)
    assert "<b>" not in odd.text


def test_the_forms_carry_the_language_they_are_shown_in(lone_shop: Api, lone_world: World) -> None:
    page = lone_shop.get(f"{joined(lone_world)}?lang=tr", key="").text
    assert set(re.findall(r'<form[^>]* action="([^"]*)"', page)) == {"?lang=tr"}


# -- how much one link changes -----------------------------------------------------------------------------------------


def test_one_link_makes_thirty_changes_an_hour_and_stops_without_any_limit(shop: Api, world: World) -> None:
    path = joined(world)
    other = path_to(world, AMIRA)
    world.clock.go(1)
    for turn in range(30):
        world.clock.go(1)
        assert send_form(shop, path, {"do": ("pause", "resume")[turn % 2], "days": "7"}).status_code == 303
    for do in ("pause", "resume", "erase", "reason"):
        problem(send_form(shop, path, {"do": do, "days": "7", "reason": "other"}), 429, "limited")
    often = send_form(shop, path, {"do": "pause", "days": "7"}, sec_fetch_site="same-origin", **BROWSER)
    assert (often.status_code, all_texts()["en"].trouble_often in often.text) == (429, True)
    assert world.check(AMIRA).allowed
    assert send_form(shop, path, {"do": "save", "was.orders": "on", "set.orders": "off"}).status_code == 303
    assert world.check(AMIRA, "orders").reason == "stopped"
    assert "Acme sends you nothing more" in words_of(press(shop, path, "stop").text)
    assert world.check(AMIRA).reason == "stopped_all"
    assert send_form(shop, path, "List-Unsubscribe=One-Click", x="1").status_code == 200
    world.clock.go(3_700)
    assert send_form(shop, path, {"do": "pause", "days": "7"}).status_code == 303
    assert send_form(shop, other, {"do": "pause", "days": "7"}).status_code == 303


def test_the_limit_is_the_links_own_however_its_token_is_written(lone_shop: Api, lone_world: World) -> None:
    path = joined(lone_world)
    lone_world.clock.go(1)
    for _ in range(30):
        assert send_form(lone_shop, path, {"do": "pause", "days": "7"}).status_code == 303
    for last in "ABCDEFGHQgw0":
        told = send_form(lone_shop, path[:-1] + last, {"do": "pause", "days": "7"})
        assert told.status_code in (404, 429)
    fresh = path_to(lone_world, AMIRA)
    assert send_form(lone_shop, fresh, {"do": "pause", "days": "7"}).status_code == 303
