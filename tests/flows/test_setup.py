"""Applying sayso.toml: once or many times, to an empty database or after years of edits; and finding it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from msgspec.structs import replace as changed

from sayso.core import events
from sayso.core.intents import Lexicon
from sayso.core.understanding import Understanding
from sayso.core.workspace import Connection, Entry, Notice, Purpose, Sender, make_code, read_code
from sayso.errors import ConfigError, IntegrityError, NotConfigured, Unavailable
from sayso.flows.kit import Kit
from sayso.flows.setup import CODE_BYTES, LOOK_EVERY, Applied, Directory, apply, load, load_one
from sayso.ports import Ports
from sayso.rules.reader import Replies, load_classifier
from sayso.settings import Declared
from sayso.store.base import Store, Tx
from sayso.store.sqlite import SqliteStore
from sayso.vault import Vault

NOW = 1_790_000_000_000_000
CODE = make_code(bytes(range(7)))


@dataclass(slots=True)
class HandClock:
    """A clock that a test moves."""

    time: int = NOW
    passed: int = field(default=0)

    def now(self) -> int:
        return self.time

    def steady(self) -> int:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.passed += int(seconds * 1_000_000)


def no_replies(lang: str) -> Replies:
    raise AssertionError(f"setting up answers nobody, and not in {lang}")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = SqliteStore(str(tmp_path / "sayso.db"))
    yield opened
    opened.close()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def kit(clock: HandClock) -> Kit:
    words = Understanding(Lexicon([]), load_classifier())
    return Kit(Ports(clock, os.urandom), Vault.generate(), lambda: words, no_replies)


def acme(slug: str = "acme", **edits: Any) -> Declared:
    notice = Notice(
        "join", 1, ("offers",), ("shop",), {"en": "May we write to you?", "es": "¿Podemos escribirte?"}
    )
    whole = Declared(
        slug=slug,
        name="Acme",
        connections={"main": Connection("main")},
        senders={"shop": Sender("shop", "main", "106540352242922", "+447700900100")},
        purposes={"offers": Purpose("offers", "marketing", "offers and news")},
        notices={"join": notice},
        entries={
            "join": Entry("join", "keyword", "join", "shop", keywords=("JOIN",)),
            "poster": Entry("poster", "phrase", "join", "shop", phrase="Hi Acme"),
        },
    )
    return msgspec.structs.replace(whole, **edits)


def with_poster(code: str = "", name: str = "poster") -> Declared:
    entries = {name: Entry(name, "phrase", "join", "shop", code=code, phrase="Hi Acme")}
    return acme(entries=entries)


def with_notice(declared: Declared, **edits: Any) -> Declared:
    notice: Notice = changed(declared.notices["join"], **edits)
    return changed(declared, notices={"join": notice})


def put(store: Store, kit: Kit, declared: Declared) -> Applied:
    return store.write(lambda tx: apply(tx, kit, declared))


def revision(store: Store, slug: str = "acme") -> int:
    row = store.read(lambda tx: tx.row("workspace_by_slug", slug=slug))
    assert row is not None
    return int(row[3])


def spoil(store: Store, ws: str) -> None:
    """Leave a configuration that this version cannot read, as a newer Sayso might."""
    store.write(lambda tx: tx.run("set_config", ws=ws, config=b'{"id":"x","from":"the future"}'))


# -- applying --------------------------------------------------------------------------------------


def test_a_new_business_gets_an_id_its_codes_and_its_wordings(store: Store, kit: Kit) -> None:
    done = put(store, kit, acme())
    assert (done.created, done.changed) == (True, True)
    assert done.workspace.id.startswith("wrk_")
    assert done.new_notices == (("join", 1, "en"), ("join", 1, "es"))
    assert list(done.codes) == ["poster"]
    assert read_code(done.codes["poster"]) == done.workspace.entries["poster"].code
    assert store.read(load) == {"acme": done.workspace}
    assert store.read(lambda tx: load_one(tx, "acme")) == done.workspace
    assert store.read(lambda tx: load_one(tx, "other")) is None


def test_applying_again_changes_nothing(store: Store, kit: Kit) -> None:
    first = put(store, kit, acme())
    again = put(store, kit, acme())
    assert (again.created, again.changed, again.new_notices, again.codes) == (False, False, (), {})
    assert again.workspace == first.workspace
    assert revision(store) == 1
    assert len(published(store, first.workspace.id)) == 2


def test_an_edit_keeps_the_id_and_raises_the_revision(store: Store, kit: Kit) -> None:
    first = put(store, kit, acme())
    edited = put(store, kit, acme(name="Acme Garden"))
    assert (edited.created, edited.changed) == (False, True)
    assert (edited.workspace.id, edited.workspace.name) == (first.workspace.id, "Acme Garden")
    assert revision(store) == 2


def test_two_businesses_stay_apart(store: Store, kit: Kit) -> None:
    one, two = put(store, kit, with_poster(CODE)), put(store, kit, changed(with_poster(CODE), slug="bolt"))
    assert one.workspace.id != two.workspace.id
    assert two.new_notices == one.new_notices
    assert set(store.read(load)) == {"acme", "bolt"}


# -- wordings --------------------------------------------------------------------------------------


def published(store: Store, ws: str) -> dict[tuple[str, int, str], events.Event]:
    """The event behind each wording that was ever in force."""

    def read(tx: Tx) -> dict[tuple[str, int, str], events.Event]:
        found = {}
        for _, body in tx.rows("waiting_events", ws=ws, limit=100):
            event = events.decode(body)
            if event.type == "notice_published":
                found[str(event.facts["notice"]), int(event.facts["version"]), str(event.facts["lang"])] = event
        return found

    return store.read(read)


def test_a_wording_is_an_event_that_proves_what_was_shown(store: Store, kit: Kit) -> None:
    workspace = put(store, kit, acme()).workspace
    event = published(store, workspace.id)["join", 1, "es"]
    digest = workspace.notices["join"].hash("es")
    assert (event.type, event.person, event.received_at) == ("notice_published", "", NOW)
    assert event.facts == {
        "notice": "join", "version": 1, "lang": "es", "hash": digest, "covers": workspace.notices["join"].covers
    }
    sealed = store.read(lambda tx: tx.row("opening", ws=workspace.id, event=event.id))
    assert sealed is not None
    openings = events.decode_openings(kit.vault.unseal_workspace(workspace.id, sealed[0], event.id.encode()))
    assert openings["text"].value == "¿Podemos escribirte?"
    assert events.openings_match(event, openings)


def test_a_published_wording_cannot_be_edited(store: Store, kit: Kit) -> None:
    before = put(store, kit, acme())
    edited = with_notice(acme(name="Other"), text={"en": "May we write to you often?"})
    with pytest.raises(ConfigError) as caught:
        put(store, kit, edited)
    said = "notice 'join' (version 1, en) was published: its wording, purposes and senders cannot change"
    assert str(caught.value) == f"{said}; raise its version to 2."
    assert store.read(load)["acme"] == before.workspace


def test_a_higher_version_puts_the_new_wording_in_force_and_keeps_the_old(store: Store, kit: Kit) -> None:
    ws = put(store, kit, acme()).workspace.id
    done = put(store, kit, with_notice(acme(), version=2, text={"en": "May we?"}))
    assert done.new_notices == (("join", 2, "en"),)
    assert set(published(store, ws)) == {("join", 1, "en"), ("join", 1, "es"), ("join", 2, "en")}
    with pytest.raises(ConfigError, match="raise its version to 3"):
        put(store, kit, with_notice(acme(), version=2, text={"en": "Might we?"}))


def test_going_back_to_an_old_version_is_no_news(store: Store, kit: Kit) -> None:
    put(store, kit, acme())
    put(store, kit, with_notice(acme(), version=2))
    done = put(store, kit, acme())
    assert (done.changed, done.new_notices) == (True, ())


def test_another_language_joins_a_version(store: Store, kit: Kit) -> None:
    put(store, kit, acme())
    texts = acme().notices["join"].text | {"fr": "Pouvons-nous vous écrire ?"}
    assert put(store, kit, with_notice(acme(), text=texts)).new_notices == (("join", 1, "fr"),)


# -- codes -----------------------------------------------------------------------------------------


def test_a_code_stays_with_its_entry_point(store: Store, kit: Kit) -> None:
    code = put(store, kit, with_poster()).codes["poster"]
    put(store, kit, acme(entries={}))
    back = put(store, kit, with_poster())
    assert (back.workspace.entries["poster"].code, back.codes) == (code, {})


def test_a_declared_code_is_kept_when_the_file_leaves_it_out_later(store: Store, kit: Kit) -> None:
    put(store, kit, with_poster())
    put(store, kit, with_poster(CODE))
    assert put(store, kit, with_poster()).workspace.entries["poster"].code == CODE


def test_a_code_never_passes_to_another_entry_point(store: Store, kit: Kit) -> None:
    put(store, kit, with_poster(CODE))
    put(store, kit, acme(entries={}))
    with pytest.raises(ConfigError, match=r"\[entry_points.flyer\] was given to 'poster' before"):
        put(store, kit, with_poster(CODE, name="flyer"))


def rolling(kit: Kit, roll: Callable[[], bytes]) -> Kit:
    """The kit with loaded dice: `roll` gives the bytes of the next entry-point code."""
    ports = Ports(kit.ports.clock, lambda count: roll() if count == CODE_BYTES else os.urandom(count))
    return replace(kit, ports=ports)


def test_a_code_that_was_given_out_is_not_made_again(store: Store, kit: Kit) -> None:
    rolls = iter([bytes(range(7)), bytes(range(7)), bytes(7)])
    loaded = rolling(kit, lambda: next(rolls))
    assert put(store, loaded, with_poster()).codes == {"poster": CODE}
    assert put(store, loaded, with_poster(name="flyer")).codes == {"flyer": make_code(bytes(7))}


def test_randomness_that_repeats_for_ever_is_an_error_and_no_endless_loop(store: Store, kit: Kit) -> None:
    stuck = rolling(kit, lambda: bytes(7))
    put(store, stuck, with_poster())
    with pytest.raises(IntegrityError):
        put(store, stuck, with_poster(name="flyer"))


# -- webhook addresses -----------------------------------------------------------------------------


def test_two_businesses_cannot_spell_the_same_webhook_address(store: Store, kit: Kit) -> None:
    put(store, kit, acme("acme", connections={"eu-main": Connection("eu-main")}))
    with pytest.raises(ConfigError, match="the webhook address of 'eu-main' in the workspace 'acme'"):
        put(store, kit, acme("acme-eu"))


def test_a_connection_is_found_by_its_address_wherever_the_dashes_are(store: Store, kit: Kit) -> None:
    put(store, kit, acme("acme", connections={"eu-2": Connection("eu-2")}))
    put(store, kit, acme("acme-eu"))
    directory = Directory(store, kit.ports.clock)
    found = {
        hook: directory.for_connection(hook) for hook in ("acme-eu-2", "acme-eu-main", "acme-eu", "main", "")
    }
    names = {hook: (pair[0].slug, pair[1].name) for hook, pair in found.items() if pair}
    assert names == {"acme-eu-2": ("acme", "eu-2"), "acme-eu-main": ("acme-eu", "main")}


def test_an_address_that_two_could_mean_is_nobodys(store: Store, kit: Kit) -> None:
    put(store, kit, acme("acme-eu"))
    second = acme("acme", connections={"eu-main": Connection("eu-main")}).workspace("wrk_2")
    store.write(
        lambda tx: tx.run(
            "add_workspace", ws="wrk_2", slug="acme", config=msgspec.json.encode(second), now=NOW
        )
    )
    assert Directory(store, kit.ports.clock).for_connection("acme-eu-main") is None


# -- the directory ---------------------------------------------------------------------------------


def test_the_directory_finds_a_business_by_slug_and_by_id(store: Store, kit: Kit) -> None:
    acme_now = put(store, kit, acme()).workspace
    directory = Directory(store, kit.ports.clock)
    assert directory.by_slug("acme") == directory.by_id(acme_now.id) == acme_now
    assert directory.by_slug("bolt") is directory.by_id("wrk_other") is None
    assert directory.all() == (acme_now,)


def test_the_directory_sees_a_change_two_seconds_later_or_when_told(
    store: Store, kit: Kit, clock: HandClock
) -> None:
    put(store, kit, acme())
    directory = Directory(store, clock)
    assert [workspace.name for workspace in directory.all()] == ["Acme"]
    put(store, kit, acme(name="Acme Garden"))
    clock.passed += LOOK_EVERY - 1
    assert [workspace.name for workspace in directory.all()] == ["Acme"]
    clock.passed += 1
    assert [workspace.name for workspace in directory.all()] == ["Acme Garden"]
    put(store, kit, acme("bolt"))
    directory.refresh()
    assert directory.by_slug("bolt") is not None


def test_the_directory_does_not_read_again_what_did_not_change(
    store: Store, kit: Kit, clock: HandClock
) -> None:
    put(store, kit, acme())
    directory = Directory(store, clock)
    before = directory.by_slug("acme")
    clock.passed += LOOK_EVERY
    assert directory.by_slug("acme") is before


def test_a_business_that_cannot_be_read_is_refused_and_leaves_the_others_alone(
    store: Store, kit: Kit
) -> None:
    broken, healthy = put(store, kit, acme()).workspace, put(store, kit, acme("bolt")).workspace
    spoil(store, broken.id)
    directory = Directory(store, kit.ports.clock)
    assert (directory.broken(), directory.all()) == (("acme",), (healthy,))
    assert directory.for_connection("bolt-main") == (healthy, healthy.connections["main"])
    for ask in (
        lambda: directory.by_slug("acme"),
        lambda: directory.by_id(broken.id),
        lambda: directory.for_connection("acme-main"),
    ):
        with pytest.raises(NotConfigured):
            ask()
    with pytest.raises(ConfigError, match="run `sayso init`"):
        store.read(load)


def test_applying_again_mends_a_business_that_cannot_be_read(store: Store, kit: Kit) -> None:
    before = put(store, kit, acme()).workspace
    spoil(store, before.id)
    done = put(store, kit, acme())
    assert (done.created, done.changed, done.workspace) == (False, True, before)


def test_a_database_that_is_gone_is_an_error_and_no_empty_directory(store: Store, kit: Kit) -> None:
    class Gone:
        def read(self, work: object) -> object:
            raise Unavailable

    directory = Directory(cast("Store", Gone()), kit.ports.clock)
    with pytest.raises(Unavailable):
        directory.by_slug("acme")
