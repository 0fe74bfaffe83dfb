"""What a stranger cannot do to somebody with a form: ask again, take away, answer for, speak for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sayso.flows import people
from sayso.web import pages
from tests.cast import AMIRA
from tests.stores import World, declaration, settle_in
from tests.web.desk import Api, api_of
from tests.web.visits import WORDING, fill, send, with_page

DAY = 24 * 3600 + 3601


@pytest.fixture
def site(lone_world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    monkeypatch.setattr(pages, "ANSWER_FLOOR_S", 0.001)
    with api_of(with_page(lone_world)) as api:
        yield api


def asked(world: World) -> int:
    return sum(type(letter.message).__name__ in ("OutTemplate", "OutButtons") for letter in world.work())


def test_a_stranger_cannot_take_a_yes_from_somebody_who_is_in(lone_world: World, site: Api) -> None:
    lone_world.join(AMIRA)
    send(site, fill(site, AMIRA.phone, "offers", "orders", "partners"))
    letters = lone_world.work()
    asks = [letter for letter in letters if letter.asks]
    if asks:  # she turns the stranger's question down
        lone_world.tap(AMIRA, asks[-1].button(1), "No, thanks")
    assert lone_world.check(AMIRA).reason == "granted"


def test_who_is_in_for_some_of_it_is_asked_about_the_rest_alone(lone_world: World, site: Api) -> None:
    lone_world.join(AMIRA)
    send(site, fill(site, AMIRA.phone, "offers"))
    assert asked(lone_world) == 0
    send(site, fill(site, AMIRA.phone, "offers", "orders"))
    assert asked(lone_world) == 1
    request = [line for line in lone_world.history(AMIRA) if line["type"] == "opt_in_requested"][-1]
    assert [cell[0] for cell in request["cells"]] == ["orders"]


def test_nobody_with_an_open_question_is_asked(lone_world: World, site: Api) -> None:
    send(site, fill(site, AMIRA.phone, "offers"))
    assert asked(lone_world) == 1
    lone_world.clock.go(DAY)
    lone_world.work()  # the reminder
    send(site, fill(site, AMIRA.phone, "orders"))
    assert asked(lone_world) == 0


def test_nobody_who_left_is_asked(lone_world: World, site: Api) -> None:
    send(site, fill(site, AMIRA.phone, "offers"))
    lone_world.tap(AMIRA, lone_world.question().button(1), "No, thanks")
    lone_world.work()
    lone_world.clock.go(DAY)
    send(site, fill(site, AMIRA.phone, "orders"))
    assert asked(lone_world) == 0


def test_nobody_who_stopped_in_whatsapp_itself_is_asked(lone_world: World, site: Api) -> None:
    lone_world.native(AMIRA, "stop")
    send(site, fill(site, AMIRA.phone, "orders"))
    assert asked(lone_world) == 0


def test_a_strangers_form_changes_nobodys_language(lone_world: World, site: Api) -> None:
    lone_world.show(AMIRA)
    send(site, fill(site, AMIRA.phone, "offers", lang="ar"))
    found = lone_world.store.read(lambda tx: people.find(tx, lone_world.kit, lone_world.workspace.id, AMIRA.address))
    assert found is not None
    assert found.lang == ""


def test_a_strangers_privacy_signal_keeps_nobody_out(lone_world: World, site: Api) -> None:
    send(site, fill(site, AMIRA.phone, "offers"), sec_gpc="1")  # somebody else's browser
    lone_world.work()
    lone_world.clock.go(80 * 3600)  # it ran out unanswered
    lone_world.work()
    send(site, fill(site, AMIRA.phone, "offers", "partners"))  # herself, with no signal
    assert asked(lone_world) == 1


def test_what_was_ticked_is_all_that_is_asked_about(lone_world: World, site: Api) -> None:
    code = lone_world.workspace.entries["site"].code
    whole = declaration()
    whole["purposes"]["partners"] = {"class": "sharing", "title": "offers of our partners"}
    whole["notices"]["site"] = {"version": 2, "purposes": ["offers", "partners"], "senders": ["shop"],
                                "text": {"en": "Now. " + WORDING}}
    for name in ("site", "single", "chat-only"):
        notice = {"site": "site", "single": "join", "chat-only": "both"}[name]
        whole["entry_points"][name] = {"kind": "page", "notice": notice, "sender": "shop"}
    lone_world.workspace = settle_in(lone_world.system, whole)
    lone_world.say(AMIRA, f"Hello [{code} orders]")  # the page was open since before version 2
    lone_world.work()
    waiting = {cell.purpose for item in lone_world.standing(AMIRA).pending for cell in item.cells}
    assert not waiting & {"offers", "partners"}


def test_browsers_that_say_only_an_origin_say_it_for_the_pages_own_form(site: Api) -> None:
    """Plain http on any host but localhost, and Safari before 16.4, have no Fetch Metadata; with `no-referrer` their
    Origin would be null (Fetch standard, "append a request Origin header").
    """
    assert site.get("/o/acme/site", key="").headers["referrer-policy"] == "same-origin"
    fields = {"way": "chat", "lang": "en", "purpose": "offers"}
    assert send(site, fields, origin="http://sayso.test").status_code == 303
    assert send(site, fields, origin="https://elsewhere.example").status_code == 403
