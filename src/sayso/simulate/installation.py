"""One installation for a run: the database image with one business applied, made once a process, and who runs on it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random
from typing import Any, Final

from sayso.core.understanding import Understanding
from sayso.core.workspace import Workspace
from sayso.flows import setup
from sayso.flows.kit import Kit
from sayso.ports import SECOND, Ports
from sayso.rules.reader import Replies, load_replies, load_understanding, reply_for
from sayso.settings.config import parse
from sayso.simulate import disk
from sayso.simulate.loop import Loop, Process
from sayso.vault import Vault

#: A Tuesday morning, in microseconds: every run begins then.
START: Final = 1_790_000_000 * SECOND
NUMBER_ID: Final = "106540352242922"
REASON: Final = "Paper forms of the shop, checked by its counsel"
_WORDING: Final = "May Acme send you {} here? It is free and voluntary, at most four a month. Send STOP to leave."


def declaration() -> dict[str, Any]:
    """What a sayso.toml would say, as TOML decodes."""
    secret = {name: {"env": name.upper()} for name in ("app_secret", "verify_token", "access_token")}

    def notice(purposes: list[str], words: str) -> dict[str, Any]:
        return {"version": 1, "purposes": purposes, "senders": ["shop"], "text": {"en": _WORDING.format(words)},
                "templates": {"en": {"name": f"optin_{purposes[0]}", "language": "en"}}}

    def entry(word: str, name: str) -> dict[str, Any]:
        return {"kind": "keyword", "keywords": [word], "notice": name, "sender": "shop"}

    return {
        "workspace": {"slug": "acme", "name": "Acme", "language": "en", "country": "GB"},
        "connections": {"main": {"provider": "meta", **secret}},
        "senders": {"shop": {"connection": "main", "phone_number_id": NUMBER_ID, "phone": "+447700900100",
                             "start": "join"}},
        "purposes": {
            "offers": {"class": "marketing", "title": "offers and news"},
            "orders": {"class": "utility", "title": "news about your orders"},
            "trial": {"class": "marketing", "title": "a trial", "expires_days": 1},
        },
        "notices": {"join": notice(["offers"], "offers"), "both": notice(["offers", "orders"], "offers and orders"),
                    "trial": notice(["trial"], "a trial")},
        "entry_points": {"join": entry("JOIN", "join"), "all": entry("JOIN ALL", "both"),
                         "trial": entry("TRIAL", "trial"),
                         "website": {"kind": "api", "notice": "both", "sender": "shop"}},
        "policy": {"elsewhere": {"clerk": REASON}},
    }


class SimulatedClock:
    """A process's clocks: its wall clock may be wrong and may jump, its steady clock only moves on."""

    def __init__(self, loop: Loop, process: Process) -> None:
        self._loop = loop
        self._process = process

    def now(self) -> int:
        """Microseconds UTC, as this machine has them."""
        return self._loop.now + self._process.wall

    def steady(self) -> int:
        """Microseconds since some moment before the process began."""
        return self._loop.now + self._process.boot

    def sleep(self, seconds: float) -> None:
        """Nobody sleeps here: waiting is a step of an actor."""
        raise RuntimeError(f"a simulated actor slept {seconds} s")


def bytes_of(chance: Random) -> Callable[[int], bytes]:
    """Randomness out of the seed."""
    return chance.randbytes


@cache
def words() -> Understanding:
    """The packaged words, read once."""
    return load_understanding()


@cache
def _all_replies() -> dict[str, Replies]:
    return load_replies()


def replies(lang: str) -> Replies:
    """The packaged replies of a language."""
    return reply_for(lang, _all_replies())


@dataclass(frozen=True, slots=True)
class Image:
    """A database with one business applied, its keys, and the business."""

    data: bytes
    keys: str
    workspace: Workspace


@cache
def image() -> Image:
    """Made once a process, always the same."""
    chance = Random(0)  # noqa: S311  (keys of a story)
    loop = Loop(0, START - 86_400 * SECOND)
    vault = Vault.generate(chance.randbytes, "ins_" + hashlib.sha256(b"simulation").hexdigest()[:26].upper(), START)
    clock = SimulatedClock(loop, Process("setup"))
    connection = disk.fresh()
    kit = Kit(Ports(clock, chance.randbytes), vault, words, replies)
    store = disk.SimulatedStore(connection, clock)
    whole = parse(declaration(), Path(), lambda word: words().keywords.read(word).intent in ("stop", "help"))
    applied = store.write(lambda tx: setup.apply(tx, kit, whole))
    return Image(connection.serialize("main"), vault.to_text(), applied.workspace)
