"""The page in a real browser: a tap on JOIN and STOP by mouse and by keyboard, a narrow screen, nothing from
outside.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sayso.phone.app import PhoneConfig, Running, start
from tests.phone.desk import AMIRA, NUMBER, SECRET, TOKEN, buttons

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-quic"])
        yield made
        made.close()


@pytest.fixture
def running() -> Iterator[Running]:
    with start(PhoneConfig(token=TOKEN, app_secret=SECRET, retry_seconds=())) as made:
        yield made


@pytest.fixture
def page(browser: Any, running: Running) -> Iterator[Any]:
    """The open page; whatever the console complains about or another host is asked for fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    made = context.new_page()
    complaints: list[str] = []
    made.on("console", lambda message: complaints.append(message.text))
    made.on("pageerror", lambda error: complaints.append(str(error)))
    asked: list[str] = []
    made.on("request", lambda request: asked.append(request.url))
    made.goto(running.url)
    made.wait_for_selector(".line.live")
    yield made
    context.close()
    assert complaints == []
    assert [url for url in asked if not url.startswith(running.url)] == []


def send(running: Running, body: dict[str, Any]) -> None:
    answer = httpx.post(f"{running.url}/v26.0/{NUMBER}/messages", json={"messaging_product": "whatsapp"} | body,
                        headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False)
    assert answer.status_code == 200, answer.text


def chat(page: Any, name: str) -> Any:
    return page.get_by_role("region", name=f"{name}'s chat")


def test_a_tap_is_a_bubble_and_a_signed_webhook(page: Any, running: Running) -> None:
    page.get_by_role("button", name="Amira says JOIN").click()
    sync_api.expect(chat(page, "Amira")).to_contain_text("JOIN")
    sync_api.expect(page.locator("#hooks")).to_contain_text("Amira wrote “JOIN”")
    sync_api.expect(page.locator("#hooks")).to_contain_text("X-Hub-Signature-256: sha256=")
    send(running, buttons(AMIRA, "Yes", "No"))
    page.get_by_role("button", name="Yes").click()
    sync_api.expect(page.get_by_role("button", name="Yes")).to_have_attribute("aria-pressed", "true")
    assert page.locator("#hooks").inner_text().count("Amira tapped “Yes”") == 1


def test_the_keyboard_is_enough(page: Any) -> None:
    page.get_by_label("Message from Bruno").focus()
    page.keyboard.type("STOP")
    page.keyboard.press("Enter")
    sync_api.expect(chat(page, "Bruno")).to_contain_text("STOP")
    page.get_by_label("Settings of Bruno's phone").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    sync_api.expect(chat(page, "Bruno")).to_contain_text("You stopped offers and announcements")
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Settings of Bruno's phone"


def test_words_are_shown_as_words_whatever_they_look_like(page: Any) -> None:
    page.get_by_label("Message from Chen").fill("<img src=x onerror=alert(1)> مرحبا")
    page.keyboard.press("Enter")
    sync_api.expect(chat(page, "Chen")).to_contain_text("<img src=x onerror=alert(1)> مرحبا")
    assert page.locator(".chat img").count() == 0


def test_what_arrives_is_announced_to_a_screen_reader(page: Any, running: Running) -> None:
    page.get_by_role("button", name="Amira says JOIN").click()
    sync_api.expect(chat(page, "Amira")).to_contain_text("JOIN")
    send(running, buttons(AMIRA, "Yes"))
    sync_api.expect(page.locator("#said")).to_have_text("Amira received: May we?")
    assert page.locator("#said").get_attribute("aria-live") == "polite"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_spills_on_a_small_screen(page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 375, "height": 700})
    page.get_by_label("Message from Amira").fill("w" * 300)
    page.keyboard.press("Enter")
    sync_api.expect(chat(page, "Amira")).to_contain_text("www")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
