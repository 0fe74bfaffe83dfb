"""Entry points in use: codes for the places they are printed at, what a scan begins, and honest statistics."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from sayso.core.workspace import codes_in, read_code
from sayso.errors import InvalidRequest, NotConfigured, NotFound
from sayso.flows import entries, opt_in
from sayso.flows.entries import Counts, Link, Statistics
from tests.cast import AMIRA, BRUNO, CHEN, DANA, EVERYBODY, Player
from tests.stores import CODE, World, declaration, neighbour, rows_of, settle_in

HOUR, DAY = 3600, 86_400


def place(world: World, entry: str, placement: str) -> str:
    """The code of a placement."""
    return world.store.write(lambda tx: entries.make_placement(
        tx, world.kit, world.workspace, world.workspace.entry(entry), placement))


def link(world: World, entry: str, code: str = "", *, public_url: str = "https://sayso.acme.example",
         chat: bool = False) -> Link:
    found = world.workspace.entry(entry)
    return entries.link(world.workspace, found, public_url, code or found.code, chat=chat)


def stats(world: World, entry: str, days: int = 30) -> Statistics:
    return world.store.read(lambda tx: entries.statistics(tx, world.kit, world.workspace, entry, days))


def totals(world: World, entry: str) -> dict[str, int]:
    """The counts that are not zero."""
    counts = stats(world, entry).totals
    return {name: getattr(counts, name) for name in Counts.__struct_fields__ if getattr(counts, name)}


def ask(world: World, who: Player) -> None:
    world.store.write(lambda tx: opt_in.ask(tx, world.kit, world.workspace, who.address,
                                            world.workspace.entry("website"), evidence={"page": "x"}))


# -- codes and links ---------------------------------------------------------------------------------------------------


def test_each_placement_has_a_code_of_its_own_and_keeps_it(world: World) -> None:
    counter, window = place(world, "poster", "counter"), place(world, "poster", "window")
    assert len({counter, window, CODE}) == 3
    assert read_code(counter) == counter
    assert place(world, "poster", "counter") == counter
    found = world.store.read(lambda tx: entries.placements(tx, world.workspace, world.workspace.entry("poster")))
    assert found == {"counter": counter, "window": window}


def test_applying_the_configuration_again_takes_no_code_away(world: World) -> None:
    counter = place(world, "poster", "counter")
    settle_in(world.system, declaration())
    assert place(world, "poster", "counter") == counter
    codes = [row[1] for row in rows_of(world.store, "entry_codes")]
    assert len(codes) == len(set(codes)) == 2


def test_a_placement_that_was_never_made_is_not_found_and_a_bad_name_is_refused(world: World) -> None:
    poster = world.workspace.entry("poster")
    with pytest.raises(NotFound):
        world.store.read(lambda tx: entries.code_of(tx, world.workspace, poster, "door"))
    for name in ("Door", "a#b", "", "x" * 49):
        with pytest.raises(InvalidRequest):
            place(world, "poster", name)
    assert world.store.read(lambda tx: entries.code_of(tx, world.workspace, poster)) == CODE


def test_there_is_an_end_to_placements(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "MAX_PLACEMENTS", 2)
    place(world, "poster", "one")
    place(world, "poster", "two")
    with pytest.raises(InvalidRequest, match="at most 2"):
        place(world, "poster", "three")
    place(world, "poster", "two")


def test_a_phrase_opens_the_chat_with_its_code(world: World) -> None:
    found = link(world, "poster")
    url = urlsplit(found.url)
    assert (url.scheme, url.netloc, url.path) == ("https", "wa.me", "/447700900100")
    [text] = parse_qs(url.query)["text"]
    assert text == f"Hi Acme [{CODE}]"
    assert (found.short, found.word, found.number) == ("wa.me/447700900100", f"[{CODE}]", "+447700900100")


def test_a_keyword_is_typed_as_it_is_until_a_placement_has_to_be_told_apart(world: World) -> None:
    assert parse_qs(urlsplit(link(world, "join").url).query)["text"] == ["JOIN"]
    assert link(world, "join").word == "JOIN"
    code = place(world, "join", "counter")
    assert parse_qs(urlsplit(link(world, "join", code).url).query)["text"] == [f"JOIN [{code}]"]


def test_what_people_cannot_reach_themselves_has_nothing_to_print(world: World) -> None:
    for act in (lambda: link(world, "website"), lambda: place(world, "website", "counter")):
        with pytest.raises(InvalidRequest, match="cannot be printed"):
            act()


def test_a_page_is_under_the_public_address_and_nowhere_else(lone_world: World) -> None:
    world = lone_world
    whole = declaration()
    whole["entry_points"]["web"] = {"kind": "page", "notice": "join", "sender": "shop"}
    world.workspace = settle_in(world.system, whole)
    found = link(world, "web")
    own = world.workspace.entry("web").code
    assert (found.url, found.word) == (f"https://sayso.acme.example/o/{own}", f"[{own}]")
    assert found.short == f"sayso.acme.example/o/{own}"
    assert link(world, "web", chat=True).url == f"https://wa.me/447700900100?text=Acme%20%5B{own}%5D"
    code = place(world, "web", "door")
    assert link(world, "web", code).url == f"https://wa.me/447700900100?text=Acme%20%5B{code}%5D"
    with pytest.raises(NotConfigured, match="SAYSO_PUBLIC_URL"):
        link(world, "web", public_url="")


# -- what a scan begins ------------------------------------------------------------------------------------------------


def test_a_scan_of_a_placement_begins_its_entry_point_and_says_where(world: World) -> None:
    code = place(world, "poster", "counter")
    world.say(AMIRA, f"Hi Acme [{code}]")
    request = next(line for line in world.history(AMIRA) if line["type"] == "opt_in_requested")
    assert (request["facts"]["entry"], request["facts"]["placement"], request["facts"]["how"]) == (
        "poster", "counter", "phrase")
    assert request["evidence"]["text"] == f"Hi Acme [{code}]"
    world.tap(AMIRA, world.question().button(0))
    assert world.check(AMIRA).reason == "granted"
    assert world.sound()


def test_a_keyword_with_the_code_of_a_placement_begins_too(world: World) -> None:
    code = place(world, "join", "counter")
    for who, text in ((AMIRA, f"JOIN [{code}]"), (BRUNO, f"[{code.lower()}]")):
        world.say(who, text)
        request = next(line for line in world.history(who) if line["type"] == "opt_in_requested")
        assert (request["facts"]["entry"], request["facts"]["placement"]) == ("join", "counter")


def test_a_code_printed_before_the_entry_point_got_another_one_still_works(world: World) -> None:
    whole = declaration()
    whole["entry_points"]["poster"]["code"] = "7K2QX0MV"[:7] + "0"
    from sayso.core.workspace import make_code

    whole["entry_points"]["poster"]["code"] = make_code(bytes(range(20, 27)))
    world.workspace = settle_in(world.system, whole)
    world.say(AMIRA, f"Hi Acme [{CODE}]")
    assert world.check(AMIRA).reason == "pending"


def test_a_code_of_another_number_or_business_or_of_nobody_is_ordinary_text(world: World) -> None:
    code = place(world, "poster", "counter")
    world.say(AMIRA, f"Hi Acme [{code}]", sender="desk")
    other = neighbour(world)
    other.say(AMIRA, f"Hi Acme [{code}]")
    whole = declaration()
    del whole["entry_points"]["poster"]
    world.workspace = settle_in(world.system, whole)
    world.say(AMIRA, f"Hi Acme [{code}]")
    assert (world.said(AMIRA), other.said(AMIRA)) == (["spoke", "spoke"], ["spoke"])


def test_a_stop_beats_a_code(world: World) -> None:
    code = place(world, "poster", "counter")
    assert codes_in(f"STOP [{code}]") == [code]
    world.join(AMIRA)
    world.say(AMIRA, "STOP")
    world.say(AMIRA, f"Hi Acme [{code}]")
    assert world.check(AMIRA).reason in ("stopped_all", "pending")
    assert not world.check(AMIRA).allowed


# -- statistics --------------------------------------------------------------------------------------------------------


def test_every_outcome_is_counted_on_the_day_its_request_was_begun(world: World) -> None:
    for who in EVERYBODY:
        world.say(who, "JOIN")
    prompts = {letter.to.value: letter for letter in world.work()}
    assert totals(world, "join") == {"begun": 4, "asked": 4}
    world.clock.go(20 * HOUR)
    world.tap(AMIRA, prompts[AMIRA.phone].button(0))
    world.tap(BRUNO, prompts[BRUNO.phone].button(1), "No, thanks")
    world.status(prompts[CHEN.phone].message_id, "failed", 131049, addresses=CHEN.addresses)
    world.clock.go(72 * HOUR)
    world.work()
    counts = {"begun": 4, "asked": 4, "confirmed": 1, "declined": 1, "expired": 2, "undeliverable": 1}
    assert totals(world, "join") == counts
    found = stats(world, "join", 7)
    assert len(found.days) == 7
    assert [day.begun for day in found.days] == [0, 0, 4, 0, 0, 0, 0] or sum(day.begun for day in found.days) == 4
    begun = next(day for day in found.days if day.begun)
    assert (begun.confirmed, begun.declined, begun.expired) == (1, 1, 2)
    assert (totals(world, "poster"), stats(neighbour(world), "join").totals) == ({}, Counts())


def test_scans_are_told_apart_by_placement(world: World) -> None:
    for who, placement in ((AMIRA, "counter"), (BRUNO, "counter"), (DANA, "window")):
        world.say(who, f"Hi Acme [{place(world, 'poster', placement)}]")
    world.say(CHEN, f"Hi Acme [{CODE}]")
    world.tap(DANA, next(letter for letter in world.work() if letter.to.value == DANA.user_id).button(0))
    found = {line.placement: (line.begun, line.confirmed) for line in stats(world, "poster").placements}
    assert found == {"": (1, 0), "counter": (2, 0), "window": (1, 1)}


def test_a_yes_that_grants_nothing_is_not_counted_as_one(world: World) -> None:
    world.say(AMIRA, "JOIN")
    world.say(BRUNO, "JOIN")
    late = {letter.to.value: letter for letter in world.work()}[BRUNO.phone]
    world.say(AMIRA, "what time do you open?")
    world.say(AMIRA, "yes")
    world.clock.go(73 * HOUR)
    world.tap(BRUNO, late.button(0))
    assert not world.check(AMIRA).allowed
    assert not world.check(BRUNO).allowed
    assert "confirmed" not in totals(world, "join")


def test_a_plain_yes_that_grants_is_counted_once_however_often_it_is_said(world: World) -> None:
    world.say(AMIRA, "JOIN")
    prompt = world.question()
    world.say(AMIRA, "Yes")
    world.tap(AMIRA, prompt.button(0))
    assert totals(world, "join") == {"begun": 1, "asked": 1, "confirmed": 1}


def test_a_first_try_that_failed_is_forgotten_once_the_person_said_yes(world: World) -> None:
    ask(world, CHEN)
    [letter] = world.work()
    world.status(letter.message_id, "failed", 131049, addresses=CHEN.addresses)
    assert totals(world, "website") == {"begun": 1, "asked": 1, "undeliverable": 1}
    world.tap(CHEN, letter.button(0))
    assert totals(world, "website") == {"begun": 1, "asked": 1, "confirmed": 1}


def test_merging_and_forgetting_people_changes_no_figure(world: World) -> None:
    from sayso.flows import pending

    world.say(AMIRA, "JOIN", addresses=AMIRA.addresses[:1])
    world.say(AMIRA, "JOIN", addresses=AMIRA.addresses[1:])
    ask(world, CHEN)
    world.work()
    world.say(AMIRA, "hello")  # both addresses at once: one person
    before = totals(world, "join")
    assert before["begun"] == 2
    world.clock.go(100 * DAY)
    world.work()
    assert stats(world, "join", 120).totals.begun == 2
    assert stats(world, "website", 120).totals.begun == 1
    assert pending.sweep(world.store, world.kit, world.workspace.id).looked >= 0
    assert stats(world, "website", 120).totals.begun == 1


def test_statistics_have_bounds(world: World) -> None:
    for days in (0, -1, 367):
        with pytest.raises(InvalidRequest):
            stats(world, "join", days)
    assert len(stats(world, "join", 366).days) == 366


def test_a_day_is_a_day_in_utc(world: World) -> None:
    world.say(AMIRA, "JOIN")
    [today] = stats(world, "join", 1).days
    assert (today.day, today.begun) == ("2026-09-21", 1)
    world.clock.go(DAY)
    assert stats(world, "join", 1).totals == Counts()
