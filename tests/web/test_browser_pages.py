"""Page and widget in a real browser: by keyboard alone, on a narrow screen, from right to left, without JavaScript, on
a website of another origin with a strict policy, and looked over by axe.
"""

from __future__ import annotations

import http.server
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import uvicorn

from sayso.web import pages
from sayso.web.app import build
from tests.cast import AMIRA
from tests.stores import World
from tests.web.visits import ARABIC, PAGE, with_page

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")

pytestmark = [pytest.mark.browser, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")]

#: No name is looked up: what leads to WhatsApp ends before it leaves this machine.
ONLY_HERE = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
#: What a careful website allows: our two directives and nothing else.
STRICT = ("default-src 'none'; script-src {host}; connect-src {host}; base-uri 'none'; form-action 'self'; "
          "require-trusted-types-for 'script'")
EMBED = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>
<meta name="viewport" content="width=device-width, initial-scale=1"></head><body><main><h1>Shop</h1>
<form id="outer" action="/order"><sayso-optin entry="{entry}" name="whatsapp" required lang="{lang}"
><a href="{host}/o/{entry}">On WhatsApp</a></sayso-optin></form></main>
<script type="module" src="{host}/w/1.js"></script></body></html>"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-quic", ONLY_HERE])
        yield made
        made.close()


@pytest.fixture
def host(lone_world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Sayso itself, on a socket."""
    monkeypatch.setattr(pages, "ANSWER_FLOOR_S", 0.05)
    app = build(with_page(lone_world).system)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, access_log=False, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)
    app.desk.close()


@pytest.fixture
def shop(host: str) -> Iterator[Callable[..., str]]:
    """A website of another origin that embeds the widget under a strict policy; gives the address of such a page."""
    shown: dict[str, str] = {}

    class Shop(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.send_header("content-security-policy", STRICT.format(host=host))
            self.end_headers()
            self.wfile.write(shown.get(self.path, "").encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()

    def embed(entry: str = "acme/site", lang: str = "auto") -> str:
        shown["/checkout"] = EMBED.format(host=host, entry=entry, lang=lang)
        return f"http://localhost:{server.server_port}/checkout"

    yield embed
    server.shutdown()
    server.server_close()


@pytest.fixture
def open_page(browser: Any) -> Iterator[Callable[..., Any]]:
    """Opens an address in a fresh profile; what the console complains about fails the test."""
    complaints: list[str] = []
    opened: list[Any] = []

    def open_one(url: str, *, width: int = 1024, expect: tuple[str, ...] = (), **more: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 800}, **more)
        opened.append(context)
        page = context.new_page()
        page.on("console", lambda message: None if any(word in message.text for word in expect)
                else complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(url)
        return page

    yield open_one
    for context in opened:
        context.close()
    assert complaints == []


def serious(page: Any) -> list[str]:
    """What axe finds that would keep somebody out."""
    found = axe.Axe().run(page).response["violations"]
    return [f"{one['id']}: {[node['target'] for node in one['nodes']]}" for one in found
            if one["impact"] in ("serious", "critical")]


def spills(page: Any) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"))


def asked(world: World) -> list[str]:
    return [letter.to.value for letter in world.work()]


# -- the page ----------------------------------------------------------------------------------------------------------


def test_the_page_is_filled_in_and_sent_by_keyboard_alone(open_page: Any, host: str, lone_world: World) -> None:
    page = open_page(f"{host}{PAGE}")
    for _ in range(2):
        page.keyboard.press("Tab")
    page.keyboard.press("Space")
    assert page.get_by_label("news about your orders").is_checked()
    for _ in range(3):  # the next box, on to WhatsApp, the number
        page.keyboard.press("Tab")
    page.keyboard.type("07700 900123")
    assert page.get_by_label("Your WhatsApp number").input_value() == "07700 900123"
    page.keyboard.press("Enter")
    sync_api.expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert asked(lone_world) == [AMIRA.phone]
    [request] = [line for line in lone_world.history(AMIRA) if line["type"] == "opt_in_requested"]
    assert [cell[0] for cell in request["cells"]] == ["orders"]


def test_without_javascript_the_chat_takes_the_choice_along(open_page: Any, host: str) -> None:
    page = open_page(f"{host}{PAGE}", java_script_enabled=False, expect=("422", "ERR_NAME_NOT_RESOLVED"))
    assert page.get_by_text("needs JavaScript").is_visible()
    assert not page.get_by_label("Your WhatsApp number").is_visible()
    page.get_by_role("button", name="Continue in WhatsApp").click()
    assert page.get_by_role("alert").inner_text().endswith("Tick at least one.")
    page.get_by_label("offers and news").check()
    with page.expect_request("https://wa.me/**") as left:  # the policy of the page lets the redirect through
        page.get_by_role("button", name="Continue in WhatsApp").click()
    assert left.value.url.startswith("https://wa.me/447700900100?text=Hello%20Acme")
    assert left.value.url.endswith("%20offers%5D")


def test_a_mistake_is_heard_first_and_what_was_typed_stays(
        open_page: Any, host: str, lone_world: World) -> None:
    page = open_page(f"{host}{PAGE}", expect=("422",))
    page.get_by_label("offers and news").check()
    page.get_by_label("Your WhatsApp number").fill("0770 12")
    page.get_by_role("button", name="Ask me in WhatsApp").click()
    sync_api.expect(page.get_by_role("alert")).to_be_focused()
    assert page.get_by_label("offers and news").is_checked()
    field = page.get_by_label("Your WhatsApp number")
    assert field.input_value() == "0770 12"
    told = page.locator(f"#{field.get_attribute('aria-describedby').split()[1]}")
    assert "not a whole phone number" in told.inner_text()
    assert serious(page) == []
    field.fill("07700 900123")
    page.get_by_role("button", name="Ask me in WhatsApp").click()
    sync_api.expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    assert serious(page) == []
    assert asked(lone_world) == [AMIRA.phone]


@pytest.mark.parametrize("lang", ["en", "ar"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_spills_at_320_pixels_and_axe_finds_nothing_serious(
        open_page: Any, host: str, lang: str, scheme: str) -> None:
    page = open_page(f"{host}{PAGE}?lang={lang}", width=320, color_scheme=scheme)
    assert not spills(page)
    assert page.evaluate("getComputedStyle(document.body).direction") == ("rtl" if lang == "ar" else "ltr")
    assert page.evaluate("getComputedStyle(document.querySelector('#phone')).direction") == "ltr"
    assert serious(page) == []
    targets = page.locator("button:visible, .row:visible, input[type=tel]:visible").all()
    assert all(box.bounding_box()["height"] >= 44 for box in targets)
    page.evaluate("document.body.style.fontSize = '200%'")
    assert not spills(page)


def test_the_page_keeps_nothing_in_the_browser(open_page: Any, host: str) -> None:
    page = open_page(f"{host}{PAGE}")
    assert page.context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


# -- the widget --------------------------------------------------------------------------------------------------------


def test_a_strict_website_of_another_origin_embeds_the_widget(
        open_page: Any, shop: Any, host: str, lone_world: World) -> None:
    page = open_page("about:blank")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(f"{request.method} {request.url}"))
    page.goto(shop())
    page.get_by_text("Acme asks:").wait_for()
    ours = [request for request in requests if host in request]
    assert [request.partition("?")[0] for request in ours] == [
        f"GET {host}/w/1.js", f"GET {host}/w/entry/acme/site.json"]  # nothing else before somebody touches it
    page.evaluate("""() => { window.heard = []; for (const name of ['ready', 'submitted', 'error'])
        document.addEventListener('sayso:' + name, (event) => heard.push([event.type, event.detail])) }""")
    page.get_by_label("offers and news").check()
    page.get_by_label("Your WhatsApp number").fill("07700 900123")
    page.get_by_role("button", name="Ask me in WhatsApp").click()
    page.get_by_text("Thank you").wait_for()
    assert asked(lone_world) == [AMIRA.phone]
    assert page.evaluate("heard") == [["sayso:submitted", {"entry": "acme/site", "way": "phone"}]]
    after = [request.partition("?")[0].split(" ")[1] for request in requests if host in request][2:]
    assert set(after) == {f"{host}/w/challenge", f"{host}/w/entry/acme/site"}
    [request] = [line for line in lone_world.history(AMIRA) if line["type"] == "opt_in_requested"]
    assert request["evidence"]["page"] == page.url
    assert page.context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_the_widget_works_by_keyboard_alone(open_page: Any, shop: Any, lone_world: World) -> None:
    page = open_page(shop())
    page.get_by_text("Acme asks:").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    for _ in range(4):
        page.keyboard.press("Tab")
    page.keyboard.type("07700 900123")
    page.keyboard.press("Enter")
    page.get_by_text("Thank you").wait_for()
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.part.value") == "done"
    assert asked(lone_world) == [AMIRA.phone]


def test_the_widgets_link_names_what_was_ticked(open_page: Any, shop: Any, lone_world: World) -> None:
    page = open_page(shop())
    link = page.get_by_role("link", name="Continue in WhatsApp")
    link.click()  # nothing is ticked yet
    assert page.get_by_text("Tick at least one.").is_visible()
    assert page.evaluate("document.activeElement.shadowRoot.activeElement.value") == "offers"
    page.get_by_label("news about your orders").check()
    assert not page.get_by_text("Tick at least one.").is_visible()
    code = lone_world.workspace.entries["site"].code
    assert link.get_attribute("href").endswith(f"%5B{code}%20orders%5D")
    with page.context.expect_event("request", lambda request: "wa.me" in request.url) as left, page.expect_popup():
        link.click()
    assert left.value.url.startswith("https://wa.me/447700900100?text=Hello%20Acme")


def test_the_widget_is_a_field_of_the_form_around_it(open_page: Any, shop: Any) -> None:
    page = open_page(shop())
    page.get_by_text("Acme asks:").wait_for()
    value = "new FormData(document.querySelector('#outer')).get('whatsapp')"
    valid = "document.querySelector('#outer').checkValidity()"
    assert (page.evaluate(value), page.evaluate(valid)) == (None, False)
    page.get_by_label("offers and news").check()
    page.get_by_label("Your WhatsApp number").fill("07700 900123")
    page.get_by_role("button", name="Ask me in WhatsApp").click()
    page.get_by_text("Thank you").wait_for()
    assert (page.evaluate(value), page.evaluate(valid)) == ("offers", True)
    page.evaluate("document.querySelector('#outer').reset()")
    assert (page.evaluate(value), page.evaluate(valid)) == (None, False)
    assert not page.get_by_label("offers and news").is_checked()


def test_what_the_server_finds_wrong_stands_at_its_field(open_page: Any, shop: Any) -> None:
    page = open_page(shop(), expect=("422",))
    page.get_by_label("offers and news").check()
    field = page.get_by_label("Your WhatsApp number")
    field.fill("+1 555 0100 789")
    page.get_by_role("button", name="Ask me in WhatsApp").click()
    page.get_by_text("Numbers of this country cannot be asked from here").wait_for()
    assert field.get_attribute("aria-invalid") == ""
    assert field.input_value() == "+1 555 0100 789"
    assert serious(page) == []


@pytest.mark.parametrize("lang", ["en", "ar"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_widget_fits_320_pixels_both_ways_and_axe_finds_nothing_serious(
        open_page: Any, shop: Any, lang: str, scheme: str) -> None:
    page = open_page(shop(lang=lang), width=320, color_scheme=scheme)
    box = page.locator("sayso-optin form")
    box.wait_for()
    assert not spills(page)
    assert box.evaluate("box => getComputedStyle(box).direction") == ("rtl" if lang == "ar" else "ltr")
    assert (ARABIC in box.inner_text()) == (lang == "ar")
    assert serious(page) == []


def test_without_javascript_the_link_inside_the_tag_is_there(open_page: Any, shop: Any, host: str) -> None:
    page = open_page(shop(), java_script_enabled=False)
    link = page.get_by_role("link", name="On WhatsApp")
    assert link.is_visible()
    assert link.get_attribute("href") == f"{host}/o/acme/site"


def test_an_entry_point_that_is_not_there_leaves_the_link(open_page: Any, shop: Any) -> None:
    page = open_page("about:blank", expect=("404",))
    page.add_init_script("document.addEventListener('sayso:error', (event) => { window.wrong = event.detail })")
    page.goto(shop(entry="acme/nothing"))
    page.wait_for_function("window.wrong")
    assert page.evaluate("window.wrong") == {"entry": "acme/nothing", "reason": "unavailable"}
    assert page.get_by_role("link", name="On WhatsApp").is_visible()
