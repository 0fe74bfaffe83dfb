"""Setting up: a declared sayso.toml becomes the workspace that every flow reads, and is found again quickly.

Applying is one transaction and idempotent. What people were shown stays true: a published wording never
changes under its version, a code never passes to another entry point, and both are kept after the file
forgets them.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec
from msgspec.structs import replace

from sayso.core.events import Fact
from sayso.core.workspace import Connection, Entry, Notice, Workspace, make_code
from sayso.errors import ConfigError, IntegrityError, NotConfigured
from sayso.flows import linting, receivers
from sayso.flows.kit import Kit
from sayso.flows.record import append
from sayso.ports import SECOND, Clock
from sayso.settings import Declared
from sayso.store.base import Row, Store, Tx

#: A change of configuration made by another process is seen after this long at most, microseconds of steady
#: time.
LOOK_EVERY: Final = 2 * SECOND
#: Tries for a code nobody has; there are 34 thousand million, so a second one is already a marvel.
MAX_TRIES: Final = 20
#: Kinds of entry points that people reach by a text with a code in it.
CODED: Final = ("phrase", "page")
#: Random bytes a code is made of.
CODE_BYTES: Final = 7

_decoder = msgspec.json.Decoder(Workspace)


@dataclass(frozen=True, slots=True)
class Applied:
    """What applying did. `new_notices` are (notice, version, language), `codes` those made now, by entry
    point.
    """

    workspace: Workspace
    created: bool
    changed: bool
    new_notices: tuple[tuple[str, int, str], ...]
    codes: dict[str, str]


def apply(tx: Tx, kit: Kit, declared: Declared) -> Applied:
    """Make what sayso.toml declares the workspace of that slug, which is created if there is none.

    Raises ConfigError, and changes nothing, if a published wording or somebody else's code would change
    hands.
    """
    row = tx.row("workspace_to_change", slug=declared.slug)
    stored = _readable(row)
    ws = row[0] if row else kit.ports.new_id("wrk")
    _check_hooks(tx, declared)
    entries, made = _with_codes(tx, kit, ws, declared, stored)
    workspace = _with_kept(declared.workspace(ws, entries), stored)
    changed = workspace != stored
    if row is None:
        config = msgspec.json.encode(workspace)
        tx.run("add_workspace", ws=ws, slug=declared.slug, config=config, now=kit.now())
        _configured(tx, kit, ws, config)
    elif changed:
        store_config(tx, kit, workspace)
    receivers.declare(tx, workspace)
    return Applied(workspace, row is None, changed, _publish(tx, kit, workspace), made)


def store_config(tx: Tx, kit: Kit, workspace: Workspace) -> None:
    """Put a changed declaration in force; the gate reads it, so its hash goes into the ledger."""
    config = msgspec.json.encode(workspace)
    tx.run("set_config", ws=workspace.id, config=config)
    _configured(tx, kit, workspace.id, config)


def _configured(tx: Tx, kit: Kit, ws: str, config: bytes) -> None:
    append(tx, kit, ws, "configured", facts={"hash": hashlib.sha256(config).hexdigest()})


def load(tx: Tx) -> dict[str, Workspace]:
    """Every workspace by its slug. Raises ConfigError if one cannot be read."""
    return {row[1]: decode(row) for row in tx.rows("workspaces")}


def load_one(tx: Tx, slug: str) -> Workspace | None:
    """The workspace of this slug. Raises ConfigError if it cannot be read."""
    row = tx.row("workspace_by_slug", slug=slug)
    return decode(row) if row else None


def hook_of(slug: str, connection: str) -> str:
    """The last part of a connection's webhook address: /hooks/<provider>/<slug>-<connection>."""
    return f"{slug}-{connection}"


def webhook_path(slug: str, connection: Connection) -> str:
    """Where the provider calls for this connection."""
    return f"/hooks/{connection.provider}/{hook_of(slug, connection.name)}"


# -- entry-point codes -----------------------------------------------------------------------------


def _with_codes(
    tx: Tx, kit: Kit, ws: str, declared: Declared, stored: Workspace | None
) -> tuple[dict[str, Entry], dict[str, str]]:
    """The entry points, each phrase and page with its code, and the codes made now."""
    owners: dict[str, str] = dict(tx.rows("entry_codes", ws=ws))
    # All that the file names are taken before any is made, so that a made one cannot meet them.
    for name, entry in declared.entries.items():
        if entry.code:
            _take(tx, ws, entry.code, name, owners)
    entries, made = dict(declared.entries), {}
    for name, entry in declared.entries.items():
        if entry.kind in CODED and not entry.code:
            code = _code_before(name, owners, stored)
            if not code:
                code = made[name] = fresh_code(kit, owners)
                _take(tx, ws, code, name, owners)
            entries[name] = replace(entry, code=code)
    return entries, made


def _take(tx: Tx, ws: str, code: str, name: str, owners: dict[str, str]) -> None:
    if code not in owners:
        tx.run("add_entry_code", ws=ws, code=code, entry=name)
        owners[code] = name
    elif owners[code] != name:
        # It may be printed on a poster somewhere: who scans it must not be counted at another place.
        raise ConfigError(
            f"The code of [entry_points.{name}] was given to '{owners[code]}' before, and a code is "
            "never used twice. Leave it out and a new one is made.",
            param=f"entry_points.{name}.code",
        )


def _code_before(name: str, owners: Mapping[str, str], stored: Workspace | None) -> str:
    """The code this entry point has now, else one it had once, else empty."""
    now = stored.entries[name].code if stored and name in stored.entries else ""
    mine = [code for code, owner in owners.items() if owner == name]
    return now if now in mine else next(iter(mine), "")


def fresh_code(kit: Kit, owners: Mapping[str, str]) -> str:
    for _ in range(MAX_TRIES):
        code = make_code(kit.ports.random(CODE_BYTES))
        if code not in owners:
            return code
    raise IntegrityError("The source of randomness repeats itself; no new entry-point code can be made.")


# -- wordings --------------------------------------------------------------------------------------


def _with_kept(workspace: Workspace, stored: Workspace | None) -> Workspace:
    """With the notices that were published by command or API; one of the same name in the file takes over. Raises
    ConfigError if the file no longer declares what such a notice is about.
    """
    kept = {} if stored is None else {
        notice.name: notice for notice in stored.notices.values()
        if notice.origin == "desk" and notice.name not in workspace.notices
    }
    for notice in kept.values():
        for section, names in (("purposes", notice.purposes), ("senders", notice.senders)):
            for name in names:
                if name not in getattr(workspace, section):
                    raise ConfigError(
                        f"[{section}.{name}] is missing, and the notice '{notice.name}', published with `sayso notice "
                        f"publish`, names it: keep it, or publish that notice for others first.",
                        param=f"{section}.{name}",
                    )
    return replace(workspace, notices={**workspace.notices, **kept})


def _publish(tx: Tx, kit: Kit, workspace: Workspace) -> tuple[tuple[str, int, str], ...]:
    """Put new wordings in force, each with its event. Raises ConfigError if a published one was edited."""
    published = {(row[0], row[1], row[2]): (row[3], row[4]) for row in tx.rows("notices", ws=workspace.id)}
    new = []
    for notice in workspace.notices.values():
        highest = max((version for name, version, _ in published if name == notice.name), default=0)
        for lang in notice.text:
            key = (notice.name, notice.version, lang)
            if key not in published:
                linting.refuse_deception(workspace, notice, lang)
                put_in_force(tx, kit, workspace.id, notice, lang)
                new.append(key)
            elif published[key] != (notice.hash(lang), notice.covers):
                raise ConfigError(
                    f"notice '{notice.name}' (version {notice.version}, {lang}) was published: its wording, purposes "
                    f"and senders cannot change; raise its version to {highest + 1}.",
                    param=f"notices.{notice.name}.version",
                )
    return tuple(new)


def put_in_force(tx: Tx, kit: Kit, ws: str, notice: Notice, lang: str, *, facts: Mapping[str, Fact] | None = None,
                 evidence: Mapping[str, str] | None = None) -> str:
    """Add a version of a wording for ever, with its event, whose id comes back. `facts` and `evidence` say more of it:
    the reason something is missing, who published it.
    """
    digest = notice.hash(lang)
    event = append(
        tx,
        kit,
        ws,
        "notice_published",
        evidence={"text": notice.text[lang], **(evidence or {})},
        facts={"notice": notice.name, "version": notice.version, "lang": lang, "hash": digest, "covers": notice.covers,
               **(facts or {})},
    )
    tx.run(
        "add_notice",
        ws=ws,
        notice=notice.name,
        version=notice.version,
        lang=lang,
        hash=digest,
        text=notice.text[lang],
        covers=notice.covers,
        event=event.id,
    )
    return event.id


# -- reading back ----------------------------------------------------------------------------------


def decode(row: Row) -> Workspace:
    """The workspace of a row. Raises ConfigError if it cannot be read."""
    try:
        return _decoder.decode(row[2])
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise ConfigError(
            f"What is stored of the workspace '{row[1]}' was not written by this version of Sayso; run "
            "`sayso init` to apply its sayso.toml again."
        ) from error


def _readable(row: Row | None) -> Workspace | None:
    """The same, None where it cannot be read: applying is what mends that."""
    try:
        return decode(row) if row else None
    except ConfigError:
        return None


def _check_hooks(tx: Tx, declared: Declared) -> None:
    """Slugs and connections may hold dashes, so two pairs can spell the same webhook address."""
    wanted = {hook_of(declared.slug, name): name for name in declared.connections}
    for row in tx.rows("workspaces"):
        other = _readable(row)
        if other is None or other.slug == declared.slug:
            continue
        for name in other.connections:
            mine = wanted.get(hook_of(other.slug, name))
            if mine is not None:
                raise ConfigError(
                    f"[connections.{mine}] would have the webhook address of '{name}' in the workspace "
                    f"'{other.slug}'; give the connection another name.",
                    param=f"connections.{mine}",
                )


@dataclass(frozen=True, slots=True)
class _View:
    """All workspaces at one moment. `broken` are the ids of those that could not be read, by slug."""

    revisions: dict[str, int] = field(default_factory=dict)
    by_slug: dict[str, Workspace] = field(default_factory=dict)
    by_id: dict[str, Workspace] = field(default_factory=dict)
    hooks: dict[str, tuple[Workspace, Connection] | None] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)


class Directory:
    """Workspaces in memory, looked up without the database; safe to share between threads.

    A change made by another process is seen within LOOK_EVERY. A workspace whose stored configuration cannot
    be read answers NotConfigured, which is retried, and leaves the others alone.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._view = _View()
        self._looked: int | None = None

    def by_slug(self, slug: str) -> Workspace | None:
        """Raises NotConfigured if it is there and cannot be read, Unavailable if the database cannot."""
        view = self._current()
        _refuse_broken(slug in view.broken)
        return view.by_slug.get(slug)

    def by_id(self, workspace_id: str) -> Workspace | None:
        """Raises as `by_slug`."""
        view = self._current()
        _refuse_broken(workspace_id in view.broken.values())
        return view.by_id.get(workspace_id)

    def for_connection(self, hook: str) -> tuple[Workspace, Connection] | None:
        """The connection behind /hooks/<provider>/<hook>. Raises as `by_slug`; an address two could mean is
        nobody's.
        """
        view = self._current()
        found = view.hooks.get(hook)
        _refuse_broken(found is None and any(hook.startswith(hook_of(slug, "")) for slug in view.broken))
        return found

    def all(self) -> tuple[Workspace, ...]:
        """Every workspace that can be read, oldest first."""
        return tuple(self._current().by_slug.values())

    def broken(self) -> tuple[str, ...]:
        """Slugs of the workspaces that cannot be read, for `/readyz` and `sayso doctor`."""
        return tuple(self._current().broken)

    def refresh(self) -> None:
        """Look now: after this process applied something itself."""
        with self._lock:
            self._look()

    def _current(self) -> _View:
        if self._due():
            with self._lock:
                if self._due():  # another thread may have looked meanwhile
                    self._look()
        return self._view

    def _due(self) -> bool:
        return self._looked is None or self._clock.steady() - self._looked >= LOOK_EVERY

    def _look(self) -> None:
        now = self._clock.steady()
        revisions: dict[str, int] = dict(self._store.read(lambda tx: tx.rows("config_revisions")))
        if revisions != self._view.revisions:
            self._view = _view(self._store.read(lambda tx: tx.rows("workspaces")))
        self._looked = now


def _view(rows: list[Row]) -> _View:
    view = _View()
    for row in rows:
        view.revisions[row[0]] = row[3]
        workspace = _readable(row)
        if workspace is None:
            view.broken[row[1]] = row[0]
            continue
        view.by_slug[workspace.slug] = view.by_id[workspace.id] = workspace
        for name, connection in workspace.connections.items():
            hook = hook_of(workspace.slug, name)
            view.hooks[hook] = None if hook in view.hooks else (workspace, connection)
    return view


def _refuse_broken(is_broken: bool) -> None:
    if is_broken:
        raise NotConfigured(
            "What is stored of this workspace cannot be read; run `sayso init` to apply it again."
        )
