"""What the demo plays on: a real Sayso and a fake WhatsApp, each on a port of this machine, in a folder that vanishes.

They know each other only by HTTP: the phones post signed webhooks to Sayso, Sayso sends through the phones' Graph API,
and the campaign uses Sayso's API with a key, as a business would.
"""

from __future__ import annotations

import os
import secrets
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import apsw
import httpx

from sayso.errors import Unavailable
from sayso.library import Sayso
from sayso.phone.app import start
from sayso.phone.config import BusinessNumber, PhoneConfig, Template
from sayso.settings import read_settings
from sayso.web.auth import make_key
from sayso.web.serve import Serving, serve
from sayso.wiring import System, open_system

if TYPE_CHECKING:
    from sayso.phone.app import Running

HERE: Final = "127.0.0.1"
NUMBER_ID: Final = "106540352242922"
HOOK: Final = "/hooks/meta/harbour-main"
PAGE: Final = "/o/harbour/site"
OFFER: Final = "harbour_offer"
#: How long a server may take to start or to end, seconds.
START_S: Final = 20.0
TIMEOUT_S: Final = 10.0
SECRETS: Final = ("app_secret", "verify_token", "access_token")

CONFIG: Final = """\
[workspace]
slug = "harbour"
name = "Harbour Coffee"
languages = ["en", "es"]
country = "GB"

[connections.main]
app_secret = { file = "secrets/app_secret" }
verify_token = { file = "secrets/verify_token" }
access_token = { file = "secrets/access_token" }

[senders.shop]
connection = "main"
phone_number_id = "106540352242922"
phone = "+447700900900"
start = "join"

[purposes.offers]
class = "marketing"
title = "offers and news"
titles = { es = "ofertas y novedades" }

[purposes.orders]
class = "utility"
title = "news about your orders"
titles = { es = "noticias de tus pedidos" }

[purposes.support]
class = "service"
title = "answers to your questions"

[notices.join]
version = 1
purposes = ["offers", "orders"]
senders = ["shop"]
[notices.join.text]
en = "Harbour Coffee would like to write to you here on WhatsApp: news about your orders, and at most four offers a \
month. It is your choice, it is free, and you can leave at any time with STOP. May we?"
es = "Harbour Coffee quiere escribirte por WhatsApp: noticias de tus pedidos y como mucho cuatro ofertas al mes. Es \
voluntario y gratis, y puedes salir cuando quieras con STOP. ¿Nos dejas?"
[notices.join.templates.en]
name = "harbour_optin"
language = "en"
[notices.join.templates.es]
name = "harbour_optin_es"
language = "es"

[entry_points.join]
kind = "keyword"
keywords = ["JOIN"]
notice = "join"
sender = "shop"

[entry_points.unirme]
kind = "keyword"
keywords = ["UNIRME"]
lang = "es"
notice = "join"
sender = "shop"

[entry_points.site]
kind = "page"
notice = "join"
sender = "shop"

[entry_points.poster]
kind = "phrase"
phrase = "Hi Harbour Coffee, sign me up"
notice = "join"
sender = "shop"

[entry_points.website]
kind = "api"
notice = "join"
sender = "shop"

[policy.elsewhere]
import = "Forms signed at the counter, kept in the safe"
"""

TEMPLATES: Final = (
    Template(OFFER, "MARKETING", "Hello {{1}}, two coffees for one at the harbour until Sunday.", "Reply STOP to leave",
             ("Stop promotions",)),
    Template("harbour_optin", "UTILITY", "May Harbour Coffee write to you here? It is free, and STOP ends it.", "",
             ("Yes, I agree", "No, thanks")),
    Template("harbour_optin_es", "UTILITY", "¿Puede Harbour Coffee escribirte por aquí? Es gratis, y STOP lo termina.",
             "", ("Sí, acepto", "No, gracias")),
    Template("order_ready", "UTILITY", "Your order {{1}} is ready."),
)


@dataclass(slots=True)
class Stage:
    """Everything a story needs. People are named as on screen: amira, bruno, chen, dana."""

    folder: Path
    sayso: Sayso
    url: str
    key: str
    phones: str
    client: httpx.Client
    token: str

    # -- the people ----------------------------------------------------------------------------------------------------

    def say(self, who: str, text: str) -> None:
        """Type a message; returns when its webhook was taken."""
        self._act("say", {"person": who, "text": text})

    def tap(self, who: str, message_id: str) -> None:
        """Tap the first button of a message, which is the yes of a question."""
        self._act("tap", {"person": who, "message_id": message_id, "button": 0})

    def settle(self) -> None:
        """Wait until no webhook is under way."""
        self._post("settle", {})

    def chat(self, who: str) -> list[dict[str, Any]]:
        """Their chat with Harbour Coffee, oldest first; notes of the phone itself are left out."""
        chat = self._person(who)["chats"].get(NUMBER_ID, [])
        return [message for message in chat if message["kind"] != "note"]

    def received(self, who: str) -> list[dict[str, Any]]:
        """What they got, oldest first."""
        return [message for message in self.chat(who) if not message["mine"]]

    def address(self, who: str) -> str:
        """What the business knows them by: a number, or a user id."""
        person = self._person(who)
        return str(person["bsuid"] if person["username_only"] else person["phone"])

    def delivery_of_tap(self, who: str) -> dict[str, Any]:
        """The webhook of their first tap, as it was signed and sent."""
        log = self.client.get(f"{self.phones}/_phone/deliveries").json()["data"]
        return next(one for one in log if one["person"] == who and one["kind"] == "message" and "button" in one["body"])

    def _person(self, who: str) -> dict[str, Any]:
        people = self.client.get(f"{self.phones}/_phone/state").json()["people"]
        return next(person for person in people if person["id"] == who)

    def _act(self, act: str, given: dict[str, Any]) -> None:
        self._post(act, given)
        self.settle()

    def _post(self, act: str, given: dict[str, Any]) -> None:
        self.client.post(f"{self.phones}/_phone/{act}", json=given).raise_for_status()

    # -- the business --------------------------------------------------------------------------------------------------

    def call(self, method: str, path: str, given: dict[str, Any] | None = None) -> dict[str, Any]:
        """One call of Sayso's API."""
        answer = self.client.request(method, self.url + path, json=given,
                                     headers={"Authorization": f"Bearer {self.key}"})
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    def get(self, path: str, *, key: bool = True) -> bytes:
        """What the service shows at a path, to somebody with the key or to everybody."""
        headers = {"Authorization": f"Bearer {self.key}"} if key else {}
        return self.client.get(self.url + path, headers=headers).raise_for_status().content

    def submit(self, path: str, fields: dict[str, str]) -> str:
        """Send a form, as a browser without JavaScript does; where it leads."""
        return str(self.client.post(self.url + path, data=fields, follow_redirects=False).headers["location"])

    def environ(self) -> dict[str, str]:
        """The environment of a command of the demo's own: without this machine's settings of Sayso."""
        return {name: value for name, value in os.environ.items() if not name.startswith("SAYSO_")}

    def check(self, who: str, purpose: str = "offers") -> dict[str, Any]:
        """May this person be sent this?"""
        return self.call("POST", "/v1/check", {"address": self.address(who), "purpose": purpose})

    def send_offer(self, who: str) -> str:
        """What the business's own sender does: one call of the Graph API; returns the message id."""
        person = self._person(who)
        answer = self.client.post(
            f"{self.phones}/v26.0/{NUMBER_ID}/messages", headers={"Authorization": f"Bearer {self.token}"},
            json={"messaging_product": "whatsapp", "to": person["phone"], "type": "template", "template": {
                "name": OFFER, "language": {"code": "en"},
                "components": [{"type": "body", "parameters": [{"type": "text", "text": person["name"]}]}]}})
        answer.raise_for_status()
        return str(answer.json()["messages"][0]["id"])

    def history(self, who: str) -> list[dict[str, Any]]:
        """What Sayso recorded of them."""
        return self.sayso.history(self.address(who))

    # -- others --------------------------------------------------------------------------------------------------------

    def post_hook(self, body: bytes, signature: str) -> int:
        """Post to the webhook, as anybody can; the status of the answer."""
        headers = {"X-Hub-Signature-256": signature, "Content-Type": "application/json"}
        return self.client.post(self.url + HOOK, content=body, headers=headers).status_code

    def edit_event(self, event: str, old: bytes, new: bytes) -> bytes:
        """Change an event behind Sayso's back; returns its bytes as they were."""
        with self._database() as connection:
            was = bytes(connection.execute("select body from events where event_id = ?", (event,)).get)
            self.put_back(event, was.replace(old, new))
        return was

    def put_back(self, event: str, body: bytes) -> None:
        """Write the bytes of an event, whatever they are."""
        with self._database() as connection:
            connection.execute("update events set body = ? where event_id = ?", (body, event))

    @contextmanager
    def _database(self) -> Iterator[apsw.Connection]:
        connection = apsw.Connection(str(self.folder / "sayso.db"))
        connection.set_busy_timeout(5_000)
        try:
            yield connection
        finally:
            connection.close()


@contextmanager
def theatre(port: int = 0) -> Iterator[Stage]:
    """Put it all up in a new folder, and take it all down. `port` is the page's; 0 takes a free one. Raises
    Unavailable if a port cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="sayso-demo-") as name:
        folder = Path(name)
        values = _write(folder)
        place = _free_port()
        system, key = _open(folder, f"http://{HERE}:{place}")
        with _service(system, place) as url:
            phone = _phones(port, url, key, values)
            with phone, httpx.Client(timeout=TIMEOUT_S, trust_env=False) as client:
                system.graph_url = phone.url
                yield Stage(folder, Sayso.over(system), url, key, phone.url, client, values["access_token"])


def _write(folder: Path) -> dict[str, str]:
    (folder / "sayso.toml").write_text(CONFIG, encoding="utf-8")
    place = folder / "secrets"
    place.mkdir(mode=0o700)
    values = {name: secrets.token_hex(24) for name in SECRETS}
    for name, value in values.items():
        (place / name).write_text(value)
        (place / name).chmod(0o600)
    return values


def _free_port() -> int:
    """Links in messages name the service before it listens, so that its port is chosen beforehand."""
    with socket.create_server((HERE, 0)) as tried:
        return int(tried.getsockname()[1])


def _open(folder: Path, url: str) -> tuple[System, str]:
    """The system with its workspace, and an API key. The settings are the demo's own, not the environment's."""
    system = open_system(read_settings({"SAYSO_DATABASE": str(folder / "sayso.db"), "SAYSO_PUBLIC_URL": url}))
    try:
        workspace = system.apply(folder / "sayso.toml").workspace
        _, key = system.store.write(lambda tx: make_key(tx, system.kit.ports, workspace.id,
                                                        ("check", "send", "consent", "read"), label="demo"))
    except BaseException:
        system.close()
        raise
    return system, key


@contextmanager
def _service(system: System, port: int) -> Iterator[str]:
    """`sayso serve` in a thread of its own; its URL. The service closes the system when it ends."""
    started: list[Serving] = []
    ready = threading.Event()

    def begun(serving: Serving) -> None:
        started.append(serving)
        ready.set()

    thread = threading.Thread(target=serve, args=(system, HERE, port, True, begun),
                              kwargs={"public_url": system.kit.public_url}, name="sayso-serve", daemon=True)
    thread.start()
    try:
        if not ready.wait(START_S):
            raise Unavailable("The service did not start.")
        yield started[0].url
    finally:
        if started:
            started[0].stop()
        thread.join(START_S)


def _phones(port: int, url: str, key: str, values: dict[str, str]) -> Running:
    config = PhoneConfig(
        token=values["access_token"], app_secret=values["app_secret"], webhook_url=url + HOOK,
        numbers=(BusinessNumber(NUMBER_ID, "+44 7700 900900", "Harbour Coffee"),), templates=TEMPLATES,
        sayso_url=url, sayso_key=key, purposes=("offers", "orders"), suggestions=("JOIN", "STOP", "START", "UNIRME"))
    return start(config, HERE, port)
