"""What Sayso did with it: asks Sayso's own API for new ledger events and for each person's verdict, and tells
the feed.

Runs only while a browser listens, about twice a second, and right after each delivery. Sayso being down, slow
or half-built is shown, never raised: answers are read field by field, and whatever is missing is left out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from sayso.phone.config import PhoneConfig
from sayso.phone.feed import Feed
from sayso.phone.people import Person

POLL_SECONDS = 0.5
# Rounds are at least this far apart, however many deliveries ask for one.
GAP_SECONDS = 0.1
# After a failed round the next one waits this long.
PAUSE_SECONDS = 2.0
TIMEOUT_SECONDS = 5.0
# Ledger entries kept for the page, and pages of events read in one round.
MAX_ENTRIES = 200
MAX_PAGES = 20
PAGE = 500
# The entry that stands for all the facts of lists: ten thousand of them would bury what the phones did.
LISTS = "lists"

# Event types in plain words; a type not listed is shown as its name with spaces.
PLAIN = {
    "opt_in_requested": "Asked to join", "prompted": "Was asked to confirm",
    "prompt_failed": "Question not delivered",
    "said_yes": "Said yes", "said_no": "Said no", "said_stop": "Said stop",
    "native_stop": "Stopped offers in WhatsApp", "native_resume": "Resumed offers in WhatsApp",
    "stop_suspected": "May have said stop", "hold_released": "Question settled",
    "paused": "Asked for a pause", "pause_ended": "Ended the pause", "spoke": "Wrote something else",
    "expired": "Ran out", "delivery_failed": "Message not delivered", "address_linked": "Address linked",
    "address_left": "Left an address", "people_merged": "Two records became one",
    "suppression_restored": "Earlier no restored", "erased": "Data erased",
    "breaker_tripped": "Stops in bulk held up", "provider_stop_released": "Mistaken stop lifted",
    "reason_given": "Said why they left", "breach_suspected": "Possible breach",
    "notice_published": "Wording published",
}


class Watcher:
    """`people` is called at each round, so that a reset is seen."""

    def __init__(self, config: PhoneConfig, feed: Feed, people: Callable[[], Iterable[Person]],
                 transport: httpx.AsyncBaseTransport | None) -> None:
        self._url, self._key, self._purposes = config.sayso_url, config.sayso_key, config.purposes
        self._feed, self._people, self._transport = feed, people, transport
        self._client: httpx.AsyncClient | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self._problem: str | None = None
        self.forget()

    @property
    def configured(self) -> bool:
        return bool(self._url and self._key)

    def forget(self) -> None:
        """What was seen. The ledger itself is Sayso's and stays; entries from before are read again."""
        self._cursor: str | None = None
        self._entries: dict[str, dict[str, Any]] = {}
        self._from_lists: set[str] = set()
        self._verdicts: dict[tuple[str, str], dict[str, Any]] = {}

    def described(self) -> dict[str, Any]:
        """For the page's first state."""
        return {"configured": self.configured, "problem": self._problem, "purposes": self._purposes,
                "verdicts": list(self._verdicts.values()), "entries": list(self._entries.values())}

    def poke(self) -> None:
        """Look now. Starts the polling when somebody listens and it is not running."""
        self._wake.set()
        if self.configured and self._feed.listeners and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._poll())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    async def look(self) -> None:
        """One round: new ledger entries, then every person's verdict for every purpose."""
        try:
            await self._read_events()
            for person in list(self._people()):
                for purpose in self._purposes:
                    await self._ask(person, purpose)
        except (httpx.HTTPError, httpx.InvalidURL) as problem:
            self._report(f"Sayso does not answer ({type(problem).__name__}).")
        except _Refused as problem:
            self._report(str(problem))
        else:
            self._report(None)

    async def _poll(self) -> None:
        while self._feed.listeners:
            self._wake.clear()
            await self.look()
            await asyncio.sleep(GAP_SECONDS)
            try:
                await asyncio.wait_for(self._wake.wait(), PAUSE_SECONDS if self._problem else POLL_SECONDS)
            except TimeoutError:
                continue

    async def _read_events(self) -> None:
        for _ in range(MAX_PAGES):
            query: dict[str, Any] = {"limit": PAGE} | ({"after": self._cursor} if self._cursor else {})
            page = await self._call("GET", "/v1/events", params=query)
            data = page.get("data")
            rows = data if isinstance(data, list) else []
            items = [item for item in rows if isinstance(item, dict) and item.get("id")]
            for item in items:
                if not _of_a_list(item):
                    self._keep(item)
            self._count([item for item in items if _of_a_list(item)])
            # An entry without a leaf index has no place in the tree yet: read it again until it has.
            settled = all(item.get("leaf_index") is not None for item in items)
            following = page.get("next_cursor")
            if not (settled and following):
                return
            self._cursor = str(following)
            if not page.get("has_more"):
                return

    def _count(self, items: list[dict[str, Any]]) -> None:
        """One entry for everything that lists brought."""
        if items:
            self._from_lists.update(str(item["id"]) for item in items)
            self._keep(items[-1] | {"id": LISTS, "type": f"{len(self._from_lists):,} facts of a list", "person": None})

    def _keep(self, item: dict[str, Any]) -> None:
        type_ = str(item.get("type", ""))
        id_ = str(item["id"])
        entry = {"id": id_, "type": type_,
                 "plain": PLAIN.get(type_, type_.replace("_", " ").capitalize()),
                 "person": item.get("person"), "received_at": item.get("received_at"),
                 "leaf_index": item.get("leaf_index"), "leaf_hash": item.get("leaf_hash"),
                 "cells": item.get("cells") or [], "facts": item.get("facts") or {}}
        if self._entries.get(id_) == entry:
            return
        self._entries[id_] = entry
        while len(self._entries) > MAX_ENTRIES:
            del self._entries[next(iter(self._entries))]
        self._feed.publish("entry", entry)

    async def _ask(self, person: Person, purpose: str) -> None:
        answer = await self._call("POST", "/v1/check", json={"address": person.address(), "purpose": purpose})
        verdict = {"person": person.id, "purpose": purpose, "verdict": str(answer.get("verdict", "deny")),
                   "reason": str(answer.get("reason", "")), "sentence": str(answer.get("sentence", "")),
                   "person_id": answer.get("person")}
        if self._verdicts.get((person.id, purpose)) != verdict:
            self._verdicts[(person.id, purpose)] = verdict
            self._feed.publish("verdict", verdict)

    async def _call(self, method: str, path: str, **given: Any) -> dict[str, Any]:
        if self._client is None:
            self._client = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False,
                                             transport=self._transport)
        url = (self._url or "").rstrip("/") + path
        headers = {"Authorization": f"Bearer {self._key}"}
        answer = await self._client.request(method, url, headers=headers, **given)
        if answer.status_code >= 400:
            raise _Refused(f"Sayso answered {answer.status_code} to {method} {path}.")
        try:
            body = answer.json()
        except ValueError:
            raise _Refused(f"Sayso's answer to {method} {path} is not JSON.") from None
        return body if isinstance(body, dict) else {}

    def _report(self, problem: str | None) -> None:
        if problem != self._problem:
            self._problem = problem
            self._feed.publish("sayso", {"configured": self.configured, "problem": problem})


class _Refused(Exception):
    """Sayso answered, with something other than what was asked for."""


def _of_a_list(item: dict[str, Any]) -> bool:
    """True for a fact that an import brought."""
    facts = item.get("facts")
    return isinstance(facts, dict) and ("import" in facts or facts.get("how") == "import")
