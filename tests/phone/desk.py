"""A simulator under test: the ASGI app over httpx, and a real webhook receiver on 127.0.0.1 that remembers
all.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from sayso.phone.app import PhoneConfig, build

TOKEN = "a-token-of-the-fake-meta"
SECRET = "an-app-secret-of-the-fake-meta"
NUMBER = "106540352242922"
AMIRA, BRUNO, CHEN, DANA = "+447700900101", "+447700900102", "+447700900103", "+447700900104"
# A receiver takes no more than this; a test that posts more is broken.
MOST_POSTS = 500
FAST_RETRIES = (0.01, 0.01, 0.01)


@dataclass
class Receiver:
    """Answers `answers` in turn, then 200. A GET answers the challenge if the verify token is right."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    signatures: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    verify_token: str = "let-me-in"

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
        except asyncio.IncompleteReadError:  # the simulator was closed before it had spoken
            writer.close()
            return
        pairs = (line.partition(": ") for line in head.split("\r\n"))
        fields = {name.lower(): value for name, _, value in pairs}
        body = await reader.readexactly(int(fields.get("content-length", "0")))
        status, text = self.take(head.split(" ")[0:2], fields, body)
        reply = f"HTTP/1.1 {status} X\r\nContent-Length: {len(text)}\r\nConnection: close\r\n\r\n{text}"
        writer.write(reply.encode())
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    def take(self, line: list[str], fields: dict[str, str], body: bytes) -> tuple[int, str]:
        if line[0] == "GET":
            query = httpx.URL(line[1]).params
            known = query.get("hub.verify_token") == self.verify_token
            right = known and query.get("hub.mode") == "subscribe"
            return (200, query["hub.challenge"]) if right else (403, "no")
        assert len(self.bodies) < MOST_POSTS
        self.bodies.append(body)
        self.signatures.append(fields.get("x-hub-signature-256", ""))
        return (self.answers.pop(0) if self.answers else 200), ""

    def changes(self) -> list[dict[str, Any]]:
        """Every change of every POST, in the order they came."""
        entries = [entry for body in self.bodies for entry in json.loads(body)["entry"]]
        return [change for entry in entries for change in entry["changes"]]

    def messages(self) -> list[dict[str, Any]]:
        return [m for change in self.changes() for m in change["value"].get("messages", [])]

    def statuses(self) -> list[dict[str, Any]]:
        return [s for change in self.changes() for s in change["value"].get("statuses", [])]


@dataclass
class Desk:
    """What a test holds: the phone over HTTP, and the receiver."""

    http: httpx.AsyncClient
    receiver: Receiver

    async def act(self, path: str, **body: Any) -> dict[str, Any]:
        """POST to the control API; it must go well."""
        answer = await self.http.post(f"/_phone/{path}", json=body)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    async def settle(self) -> None:
        assert (await self.act("settle", timeout=5))["settled"]

    async def send(self, body: dict[str, Any], *, path: str = "messages", token: str = TOKEN,
                   number: str = NUMBER) -> httpx.Response:
        """POST to the fake Graph API as a business does."""
        return await self.http.post(f"/v26.0/{number}/{path}", json={"messaging_product": "whatsapp"} | body,
                                    headers={"Authorization": f"Bearer {token}"})

    async def outcome(self, body: dict[str, Any]) -> tuple[str, int]:
        """Send, wait, and tell the last status with its error code (0: none)."""
        answer = await self.send(body)
        assert answer.status_code == 200, answer.text
        await self.settle()
        wanted = answer.json()["messages"][0]["id"]
        last = [status for status in self.receiver.statuses() if status["id"] == wanted][-1]
        return last["status"], (last.get("errors") or [{"code": 0}])[0]["code"]


@asynccontextmanager
async def desk(**settings: Any) -> AsyncIterator[Desk]:
    """A fresh simulator whose webhooks go to a fresh receiver."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.answer, "127.0.0.1", 0)
    receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    given = {"webhook_url": receiver.url, "retry_seconds": FAST_RETRIES} | settings
    transports = {name: given.pop(name) for name in ("now", "sayso_transport") if name in given}
    app = build(PhoneConfig(token=TOKEN, app_secret=SECRET, **given), **transports)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://phone.test") as http:
        yield Desk(http, receiver)
    await app.state.world.close()
    server.close()
    await server.wait_closed()


def text(to: str, body: str = "Hello") -> dict[str, Any]:
    return {"to": to, "type": "text", "text": {"body": body}}


def template(to: str, name: str, *values: str, **more: Any) -> dict[str, Any]:
    parameters = [{"type": "text", "text": value} for value in values]
    components = [{"type": "body", "parameters": parameters}] if values else []
    return {"to": to, "type": "template",
            "template": {"name": name, "language": {"code": "en"}, "components": components}} | more


def buttons(to: str, *titles: str) -> dict[str, Any]:
    replies = [{"type": "reply", "reply": {"id": f"id:{title}", "title": title}} for title in titles]
    return {"to": to, "type": "interactive",
            "interactive": {"type": "button", "body": {"text": "May we?"}, "action": {"buttons": replies}}}


def inside(wamid: str) -> bytes:
    """What a message id hides."""
    return base64.b64decode(wamid.removeprefix("wamid."))
