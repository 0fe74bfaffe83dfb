"""The preference page in a real browser: without JavaScript, by keyboard alone, on a narrow screen, from right to left,
in the dark, and looked over by axe.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests.cast import AMIRA
from tests.stores import World
from tests.web.leaving import path_to, plain
from tests.web.test_browser_pages import CHROMIUM, browser, host, open_page, serious, spills, sync_api

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")]

__all__ = ["browser", "host", "open_page"]


@pytest.fixture
def mine(host: str, lone_world: World) -> str:
    """The address of Amira's page, who agreed to offers and orders."""
    lone_world.join(AMIRA, "JOIN ALL")
    return f"{host}{path_to(lone_world, AMIRA)}"


def test_without_javascript_one_press_stops_everything(
        open_page: Callable[..., Any], mine: str, lone_world: World) -> None:
    page = open_page(mine, java_script_enabled=False)
    page.get_by_role("button", name="Stop all messages").click()
    assert "Done. Acme sends you nothing more." in plain(page.get_by_role("status").inner_text())
    assert lone_world.check(AMIRA).reason == "stopped_all"
    page.reload()  # a reload repeats nothing
    assert lone_world.types(AMIRA).count("said_stop") == 1


def test_by_keyboard_alone_the_way_out_comes_first_and_a_switch_is_turned(
        open_page: Callable[..., Any], mine: str, lone_world: World) -> None:
    page = open_page(mine)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Stop all messages"
    page.keyboard.press("Tab")
    assert page.get_by_role("radio", name="On").first.is_checked()
    page.keyboard.press("ArrowLeft")
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Save":
            break
    page.keyboard.press("Enter")
    sync_api.expect(page.get_by_role("status")).to_contain_text("Saved.")
    assert lone_world.check(AMIRA).reason == "stopped"
    assert lone_world.check(AMIRA, "orders").allowed


def test_switching_on_leads_to_whatsapp(open_page: Callable[..., Any], mine: str, lone_world: World) -> None:
    page = open_page(mine, java_script_enabled=False)
    page.get_by_role("group", name="offers of our partners").get_by_label("On").check(force=True)
    page.get_by_role("button", name="Save").click()
    way = page.get_by_role("link", name="Continue in WhatsApp")
    assert way.get_attribute("href").startswith("https://wa.me/447700900100?text=Hello%20Acme")
    assert not lone_world.check(AMIRA, "partners").allowed


def test_deleting_asks_once_in_words_and_can_be_left(open_page: Callable[..., Any], mine: str) -> None:
    page = open_page(mine, java_script_enabled=False)
    page.get_by_role("link", name="Delete my data").click()
    page.get_by_role("link", name="No, go back").click()
    page.get_by_role("link", name="Delete my data").click()
    page.get_by_role("button", name="Yes, delete it").click()
    assert page.get_by_text("Nothing about you is kept here").is_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["en", "ar", "hi"])
def test_axe_finds_nothing_serious_and_nothing_spills_on_a_narrow_screen(
        open_page: Callable[..., Any], mine: str, lang: str, scheme: str) -> None:
    page = open_page(f"{mine}?lang={lang}&ask=erase&on=partners&done=same", width=320, color_scheme=scheme)
    assert page.evaluate("document.documentElement.dir") == ("rtl" if lang == "ar" else "ltr")
    page.locator("summary").first.click()
    assert serious(page) == []
    assert not spills(page)


def test_every_target_is_large_enough_for_a_thumb(open_page: Callable[..., Any], mine: str) -> None:
    page = open_page(mine, width=375)
    targets = page.locator(".go, .switch label, summary").all()
    assert len(targets) > 12
    assert all(target.bounding_box()["height"] >= 44 for target in targets)
    assert all(target.bounding_box()["width"] >= 44 for target in targets)


def test_the_page_needs_no_cookie_no_script_and_no_third_party(open_page: Callable[..., Any], mine: str) -> None:
    page = open_page(mine)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    origin = re.match(r"http://[^/]+", mine)
    assert origin is not None
    assert asked
    assert all(url.startswith((origin[0], "data:")) for url in asked)
    assert page.context.cookies() == []
    assert page.evaluate("document.scripts.length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("lang", ["en", "ar"])
def test_what_cannot_be_done_is_told_on_a_page_that_leads_back(open_page: Callable[..., Any], mine: str, lang: str,
                                                               scheme: str) -> None:
    page = open_page(f"{mine}?lang={lang}", width=320, expect=("413",), color_scheme=scheme)
    page.evaluate("""() => {
        const form = document.querySelector("form");
        form.appendChild(Object.assign(document.createElement("input"), {name: "x", value: "x".repeat(70000)}));
        HTMLFormElement.prototype.submit.call(form);
    }""")
    page.wait_for_selector(".trouble")
    assert page.evaluate("document.documentElement.lang") == lang
    assert serious(page) == []
    assert not spills(page)
    page.locator(".trouble a").click()
    sync_api.expect(page.locator("form.do").first).to_be_visible()
    assert page.evaluate("document.documentElement.lang") == lang
