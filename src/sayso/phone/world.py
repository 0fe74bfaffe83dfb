"""The simulator's one state: people, messages, what businesses sent, the courier, the live feed, the watcher.

Touched only from the event loop that serves it. Everything shown on the page is told through `feed` as it
changes.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections import deque
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx

from sayso.errors import InvalidRequest
from sayso.phone import webhooks
from sayso.phone.config import MAX_OUTBOX, BusinessNumber, PhoneConfig, Template
from sayso.phone.courier import Courier, Delivery, Target
from sayso.phone.feed import Feed
from sayso.phone.knobs import Knobs
from sayso.phone.people import Message, People, Person
from sayso.phone.watch import Watcher

# Deliveries a page gets when it opens; the log itself is longer.
SHOWN_DELIVERIES = 60
LOOPBACK = {"127.0.0.1", "localhost", "::1"}


class World:
    """Made once per simulator; `reset` brings back the first moment, except that no id comes twice."""

    def __init__(self, config: PhoneConfig, now: Callable[[], float],
                 webhook_transport: httpx.AsyncBaseTransport | None,
                 sayso_transport: httpx.AsyncBaseTransport | None) -> None:
        self.config, self.now = config, now
        self.feed = Feed()
        self.seed = secrets.randbits(64) if config.seed is None else config.seed
        self.ids = random.Random(f"{self.seed}:ids")  # noqa: S311 - repeatable, not secret
        self.numbers = {number.phone_number_id: number for number in config.numbers}
        self.watcher = Watcher(config, self.feed, lambda: self.people, sayso_transport)
        target = Target(config.webhook_url, config.app_secret, config.waba_id)
        self.courier = Courier(target, self.seed, config.retry_seconds, now, self._told, self.watcher.poke,
                               webhook_transport)
        self._begin()

    def _begin(self) -> None:
        self.people = People(self.config.cast, self.ids)
        self.templates = {template.name: template for template in self.config.templates}
        self.messages: dict[str, Message] = {}
        self.outbox: deque[dict[str, Any]] = deque(maxlen=MAX_OUTBOX)
        self.refused: deque[dict[str, Any]] = deque(maxlen=MAX_OUTBOX)
        self.recent: dict[tuple[str, str], deque[float]] = {}

    def reset(self) -> None:
        """As it was at the start: people, chats, outbox, deliveries, knobs and random choices. The target stays, and
        ids go on: a business has seen the earlier ones, and takes what has the same id for the same.
        """
        self._begin()
        self.courier.restart(self.seed)
        self.watcher.forget()
        self.feed.publish("state", self.snapshot())

    def number(self, id_: str | None, param: str = "to") -> BusinessNumber:
        """A business number by id; the first one when none is named."""
        if id_ is None:
            return self.config.numbers[0]
        if id_ not in self.numbers:
            raise InvalidRequest(f"There is no business number {id_!r}. There is: {', '.join(self.numbers)}.",
                                 param=param)
        return self.numbers[id_]

    def message_of(self, person: Person, id_: str, param: str) -> Message:
        """A message in this person's chats."""
        message = self.messages.get(id_)
        if message is None or message.person != person.id:
            raise InvalidRequest(f"{person.name} has no message with this id.", param=param)
        return message

    def new_wamid(self, who: str, *, outgoing: bool) -> str:
        return webhooks.wamid(self.ids, who, outgoing=outgoing)

    def show(self, message: Message) -> None:
        """Put a message into its chat, or show that it changed."""
        if message.id not in self.messages:
            self.messages[message.id] = message
            if message.person:
                chat = self.people.get(message.person).chat(message.number)
                if chat.maxlen is not None and len(chat) == chat.maxlen:
                    self.messages.pop(chat[0].id, None)
                chat.append(message)
        if message.person:
            self.feed.publish("message", message)

    def note(self, person: Person, number: BusinessNumber, text: str) -> None:
        """A line in the chat that nobody said, such as "you blocked this business"."""
        id_ = f"note_{self.ids.getrandbits(64):016x}"
        self.show(Message(id_, person.id, number.phone_number_id, True, "note", self.now(), text))

    def show_person(self, person: Person) -> None:
        self.feed.publish("person", person.described())
        self.watcher.poke()

    def turn(self, knobs: Knobs) -> None:
        """Set the knobs and show them."""
        self.courier.turn(knobs)
        self.feed.publish("knobs", knobs)

    def add_template(self, template: Template) -> None:
        self.templates[template.name] = template

    def _told(self, delivery: Delivery) -> None:
        self.feed.publish("delivery", delivery)

    def target(self) -> dict[str, Any]:
        """Where webhooks go, without the secret; `local` is false when they leave this computer."""
        url = self.courier.target.url
        return {"url": url, "local": not url or (urlsplit(url).hostname or "") in LOOPBACK}

    def snapshot(self) -> dict[str, Any]:
        """Everything the page shows, in one piece. Never a token or a secret."""
        people = [person.described() | {"chats": {id_: list(chat) for id_, chat in person.chats.items()}}
                  for person in self.people]
        numbers = [{"phone_number_id": n.phone_number_id, "display_phone": n.display_phone, "name": n.name}
                   for n in self.config.numbers]
        return {"people": people, "numbers": numbers, "knobs": self.courier.knobs, "webhook": self.target(),
                "suggestions": self.config.suggestions, "sayso": self.watcher.described(),
                "deliveries": list(self.courier.log)[-SHOWN_DELIVERIES:],
                "templates": list(self.templates.values())}

    async def close(self) -> None:
        """End streams, deliveries and polling."""
        self.feed.close()
        await asyncio.gather(self.courier.close(), self.watcher.close())
