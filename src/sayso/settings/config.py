"""Reads sayso.toml: what one business declares, checked as a whole before anything is applied.

The file is trusted for nothing: unknown keys, wrong types, names that point nowhere and secrets written out
are ConfigErrors that say where and what to mend. What comes out is everything of a Workspace but its id.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from sayso.core.intents import ALWAYS_STOP, fold
from sayso.core.workspace import Connection, Entry, Notice, Policy, Purpose, Sender, Template, Webhook, Workspace
from sayso.errors import ConfigError
from sayso.settings import checks, gateway, receivers, sites, twilio
from sayso.settings.secrets import read_secret
from sayso.settings.tables import items_of, struct_of, table_of, unknown_key, wrong
from sayso.settings.words import own_words

#: Bytes of a sayso.toml; one with a hundred notices in ten languages stays under it.
MAX_CONFIG: Final = 1_000_000
SECTIONS: Final = ("workspace", "connections", "senders", "purposes", "notices", "entry_points", "policy", "words",
                   "webhooks")
_SECRETS: Final = ("app_secret", "previous_secret", "verify_token", "access_token", "auth_token", "shared_key")
#: The notices published by command or API in the workspace of this slug, by name.
Known = Callable[[str], Mapping[str, Notice]]


class Declared(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A Workspace without its id, which the flow that applies it gives. Secret files are absolute paths."""

    slug: str
    name: str
    language: str = "en"
    languages: tuple[str, ...] = ()
    country: str = ""
    connections: dict[str, Connection] = {}
    senders: dict[str, Sender] = {}
    purposes: dict[str, Purpose] = {}
    notices: dict[str, Notice] = {}
    entries: dict[str, Entry] = {}
    policy: Policy = Policy()
    privacy: str = ""
    words: dict[str, tuple[str, ...]] = {}
    webhooks: dict[str, Webhook] = {}

    def workspace(self, id: str, entries: dict[str, Entry] | None = None) -> Workspace:
        """The declaration as a workspace; `entries` are the entry points once each has its code."""
        values = {field: getattr(self, field) for field in self.__struct_fields__}
        return Workspace(id=id, **(values | {"entries": self.entries if entries is None else entries}))


class _Head(msgspec.Struct, frozen=True):
    """The [workspace] table."""

    slug: str
    name: str
    language: str = "en"
    languages: tuple[str, ...] = ()
    country: str = ""
    privacy: str = ""


def read_config(path: Path, reserved: Callable[[str], bool] | None = None, known: Known | None = None) -> Declared:
    """Read and check one sayso.toml.

    `reserved` says whether a word already means stop or help, so that no entry point takes it as a keyword;
    the words that stop in every language are refused without it. `known` gives the notices that were published
    by command or API in the workspace of a slug: entry points may name those too. Raises ConfigError naming the
    file, the dotted path and what to mend; `param` is the path.
    """
    try:
        return parse(_load(path), path.absolute().parent, reserved, known)
    except ConfigError as error:
        raise ConfigError(f"{path.name}: {error.detail}", param=error.param) from error


def parse(
    root: Mapping[str, Any],
    folder: Path,
    reserved: Callable[[str], bool] | None = None,
    known: Known | None = None,
) -> Declared:
    """The same from what TOML decoded to; relative secret files are looked for in `folder`. Raises
    ConfigError.
    """
    for key in root:
        if key not in SECTIONS:
            raise unknown_key(key, "", SECTIONS)
    if "workspace" not in root:
        raise wrong("workspace", "is missing: add a [workspace] table with slug and name.")
    head = _head(root["workspace"])
    connections = _connections(root, folder)
    senders = _senders(root, connections)
    purposes = _purposes(root)
    gateway.check(connections, senders, purposes)
    notices = _notices(root, purposes, senders)
    entries = _entries(root, {**(known(head.slug) if known else {}), **notices}, senders, connections)
    readers = {"stop_template": _templates}
    policy = checks.policy(struct_of(Policy, root.get("policy", {}), "policy", readers=readers))
    webhooks = _webhooks(root, folder)
    _check_starts(senders, entries)
    _check_keywords(entries, reserved or (lambda _: False))
    words = own_words(root.get("words", {}), entries, reserved or (lambda _: False))
    return Declared(
        head.slug,
        head.name,
        head.language,
        head.languages,
        head.country,
        connections,
        senders,
        purposes,
        notices,
        entries,
        policy,
        head.privacy,
        words,
        webhooks,
    )


def _load(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_CONFIG + 1)
        if len(data) > MAX_CONFIG:
            raise ConfigError(f"the file has over {MAX_CONFIG} bytes.")
        # Editors on Windows open a file with a byte order mark, which TOML does not know.
        return tomllib.loads(data.decode("utf-8-sig"))
    except FileNotFoundError:
        raise ConfigError(
            f"there is no such file in {path.absolute().parent}; `sayso init` writes one."
        ) from None
    except OSError as error:
        raise ConfigError(f"the file cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError("the file is not UTF-8 text.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"the file is not valid TOML: {error}.") from error
    except RecursionError:
        raise ConfigError("the file is nested too deep.") from None


def _head(raw: object) -> _Head:
    head = struct_of(_Head, raw, "workspace")
    checks.slug(head.slug)
    checks.one_line(head.name, "workspace.name", checks.MAX_NAME)
    checks.language(head.language, "workspace.language")
    for tag in head.languages:
        checks.language(tag, "workspace.languages")
    checks.country(head.country)
    sites.https(head.privacy, "workspace.privacy")
    return head


def _connections(root: Mapping[str, Any], folder: Path) -> dict[str, Connection]:
    def secret(raw: object, where: str) -> object:
        return read_secret(raw, where, folder)

    def read(name: str, raw: object, where: str) -> Connection:
        item = struct_of(
            Connection, raw, where, given={"name": name}, readers=dict.fromkeys(_SECRETS, secret)
        )
        if item.provider == "twilio":
            return twilio.connection(item, where)
        twilio.not_twilios(item, where)
        return checks.connection(item, where)

    return items_of(root, "connections", read)


def _senders(root: Mapping[str, Any], connections: Mapping[str, Connection]) -> dict[str, Sender]:
    def read(name: str, raw: object, where: str) -> Sender:
        item = struct_of(Sender, raw, where, given={"name": name})
        if item.connection in connections and connections[item.connection].provider == "twilio":
            return twilio.sender(item, where)
        return checks.sender(item, where, connections)

    senders = items_of(root, "senders", read)
    # Both decide which sender an inbound message was written to, so no two senders may share one. A number can be on
    # WhatsApp and take SMS.
    _check_unique({f"senders.{name}": item.phone_number_id for name, item in senders.items()}, "phone_number_id")
    _check_unique({f"senders.{name}": f"{item.channel} {item.phone}" for name, item in senders.items()}, "phone")
    return senders


def _purposes(root: Mapping[str, Any]) -> dict[str, Purpose]:
    def read(name: str, raw: object, where: str) -> Purpose:
        item = struct_of(Purpose, raw, where, given={"name": name}, spelt={"cls": "class"})
        return checks.purpose(item, where)

    return items_of(root, "purposes", read)


def _templates(raw: object, where: str) -> object:
    """Approved templates, by language."""
    return {tag: struct_of(Template, table, f"{where}.{tag}") for tag, table in table_of(raw, where).items()}


def _notices(root: Mapping[str, Any], purposes: Iterable[str], senders: Iterable[str]) -> dict[str, Notice]:
    def read(name: str, raw: object, where: str) -> Notice:
        given = {"name": name, "origin": "file"}
        item = struct_of(Notice, raw, where, given=given, readers={"templates": _templates})
        return checks.notice(item, where, purposes, senders)

    return items_of(root, "notices", read)


def _entries(
    root: Mapping[str, Any],
    notices: Mapping[str, Notice],
    senders: Mapping[str, Sender],
    connections: Mapping[str, Connection],
) -> dict[str, Entry]:
    def read(name: str, raw: object, where: str) -> Entry:
        item = checks.entry(struct_of(Entry, raw, where, given={"name": name}), where, notices, senders)
        sites.entry(item, where)
        twilio.entry(item, where, notices, senders, connections)
        return item

    entries = items_of(root, "entry_points", read)
    _check_unique({f"entry_points.{name}": item.code for name, item in entries.items() if item.code}, "code")
    return entries


def _webhooks(root: Mapping[str, Any], folder: Path) -> dict[str, Webhook]:
    def secret(raw: object, where: str) -> object:
        return read_secret(raw, where, folder)

    def read(name: str, raw: object, where: str) -> Webhook:
        readers = dict.fromkeys(("secret", "previous_secret"), secret)
        return receivers.webhook(struct_of(Webhook, raw, where, given={"name": name}, readers=readers), where)

    return items_of(root, "webhooks", read)


def _check_unique(values: Mapping[str, str], field: str) -> None:
    owners: dict[str, str] = {}
    for where, value in values.items():
        if value in owners:
            raise wrong(f"{where}.{field}", f"is the same as that of [{owners[value]}]; each needs its own.")
        owners[value] = where


def _check_starts(senders: Mapping[str, Sender], entries: Mapping[str, Entry]) -> None:
    """START begins an entry point of the very number it was sent to."""
    for name, sender in senders.items():
        if not sender.start:
            continue
        where = f"senders.{name}.start"
        checks.declared(sender.start, where, "entry point", entries)
        if entries[sender.start].sender != name:
            raise wrong(where, f"names an entry point of the sender '{entries[sender.start].sender}'.")


def _check_keywords(entries: Mapping[str, Entry], reserved: Callable[[str], bool]) -> None:
    """A keyword, compared as inbound messages are, belongs to one entry point of a sender and is never a
    stop.
    """
    taken: dict[tuple[str, str], str] = {}
    for name, entry in entries.items():
        where = f"entry_points.{name}.keywords"
        for word in entry.keywords:
            folded = fold(word)
            if folded in ALWAYS_STOP or reserved(word):
                raise wrong(
                    where, f"holds '{word}', which people send to stop or to get help; choose another word."
                )
            owner = taken.setdefault((entry.sender, folded), name)
            if owner != name:
                raise wrong(
                    where,
                    f"holds '{word}', which already begins [entry_points.{owner}] of the sender "
                    f"'{entry.sender}'.",
                )
