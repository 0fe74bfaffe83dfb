"""The cast: named people with a phone each, what they set on it, and their chats with each business number.

A person is found by phone, WhatsApp id or business-scoped user id, as Meta finds them. A number they changed
away from finds nobody any more.
"""

from __future__ import annotations

import random
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import phonenumbers

from sayso.errors import InvalidRequest
from sayso.phone.config import MAX_CHAT, MAX_PEOPLE, WINDOW_SECONDS, Cast

E164 = re.compile(r"^\+[1-9][0-9]{6,14}$")
# Meta: ISO country letters, a dot, 1 to 128 letters or digits (business-scoped user ids page).
BSUID = re.compile(r"^[A-Z]{2}\.[A-Za-z0-9]{1,128}$")
# ISO 3166 keeps ZZ free for users; CLDR calls it the unknown region.
NOWHERE = "ZZ"


@dataclass(slots=True)
class Message:
    """One bubble. `mine`: the person said it. `buttons`: [{"id", "title"}] the person may tap."""

    id: str
    person: str
    number: str
    mine: bool
    kind: str
    at: float
    text: str = ""
    header: str = ""
    footer: str = ""
    buttons: list[dict[str, str]] = field(default_factory=list)
    category: str = ""
    reply_to: str = ""
    forwarded: bool = False
    status: str = ""
    tapped: list[str] = field(default_factory=list)
    error: dict[str, Any] | None = None
    opaque: str = ""


@dataclass(slots=True)
class Person:
    """Someone with a phone. The sets and the window are per business number (its phone_number_id)."""

    id: str
    name: str
    phone: str
    wa_id: str
    bsuid: str
    username: str = ""
    username_only: bool = False
    blocked: set[str] = field(default_factory=set)
    native_stop: set[str] = field(default_factory=set)
    window_until: dict[str, float] = field(default_factory=dict)
    chats: dict[str, deque[Message]] = field(default_factory=dict)

    def chat(self, number: str) -> deque[Message]:
        return self.chats.setdefault(number, deque(maxlen=MAX_CHAT))

    def open_window(self, number: str, now: float) -> None:
        self.window_until[number] = now + WINDOW_SECONDS

    def window_is_open(self, number: str, now: float) -> bool:
        return self.window_until.get(number, 0.0) > now

    def address(self) -> str:
        """What a business that knows only what webhooks told it would ask about."""
        return self.bsuid if self.username_only else self.phone

    def described(self) -> dict[str, Any]:
        """The flags, for the control API and the page. Chats are told apart."""
        return {"id": self.id, "name": self.name, "phone": self.phone, "wa_id": self.wa_id,
                "bsuid": self.bsuid, "username": self.username, "username_only": self.username_only,
                "blocked": sorted(self.blocked), "native_stop": sorted(self.native_stop),
                "window_until": dict(self.window_until)}


class People:
    """Everybody on the screen, in the order they came."""

    def __init__(self, cast: tuple[Cast, ...], rng: random.Random) -> None:
        self._rng = rng
        self._people: dict[str, Person] = {}
        for member in cast:
            self.add(member)

    def __iter__(self) -> Iterator[Person]:
        return iter(self._people.values())

    def add(self, member: Cast) -> Person:
        """Raises InvalidRequest for a bad or taken number, a taken name, or a full screen."""
        if len(self._people) >= MAX_PEOPLE:
            raise InvalidRequest(f"There is room for {MAX_PEOPLE} people.", param="name")
        slug = re.sub(r"[^\w]+", "-", member.name.strip().casefold()).strip("-_")
        if not slug or slug in self._people:
            raise InvalidRequest("The name is empty or taken.", param="name")
        phone = self.free_phone(member.phone, "phone")
        bsuid = member.bsuid or self.new_bsuid(phone)
        if not BSUID.match(bsuid) or self.by_bsuid(bsuid):
            raise InvalidRequest("A user id looks like GB.134912086553 and is one person's.", param="bsuid")
        person = Person(slug, member.name.strip(), phone, member.wa_id or phone[1:], bsuid,
                        member.username or slug, member.username_only)
        self._people[slug] = person
        return person

    def get(self, id_: str, param: str = "person") -> Person:
        """By id or by name, whatever the case. Raises InvalidRequest naming who there is."""
        person = self._people.get(id_.strip().casefold())
        if person is None:
            there = ", ".join(self._people)
            raise InvalidRequest(f"Nobody here is called {id_!r}. There is: {there}.", param=param)
        return person

    def by_phone(self, digits: str) -> Person | None:
        return next((p for p in self if digits in (p.phone[1:], p.wa_id)), None)

    def by_bsuid(self, bsuid: str) -> Person | None:
        return next((p for p in self if p.bsuid == bsuid), None)

    def free_phone(self, text: str, param: str) -> str:
        """An E.164 number nobody here has. Spaces and dashes are let through."""
        phone = re.sub(r"[\s()-]", "", text)
        if not E164.match(phone):
            raise InvalidRequest("Write the number with + and country code, e.g. +447700900123.", param=param)
        if self.by_phone(phone[1:]):
            raise InvalidRequest("Somebody here already has this number.", param=param)
        return phone

    def new_bsuid(self, phone: str) -> str:
        """A user id of the country the number is of (Meta: business-scoped user ids page)."""
        return f"{_country(phone)}.{self._rng.randrange(10**18, 10**19)}"


def _country(phone: str) -> str:
    """Two letters; of a number of fiction the country code's main country, of a code nobody has NOWHERE."""
    try:
        number = phonenumbers.parse(phone)
    except phonenumbers.NumberParseException:
        return NOWHERE
    code = number.country_code or 0
    found = phonenumbers.region_code_for_number(number) or phonenumbers.region_code_for_country_code(code)
    return found if found and found.isalpha() else NOWHERE
