"""`sayso doctor`: one line for each thing that has to be right, with the command that mends what is not.

Rules of the room: it looks and changes nothing of yours; a line is `ok`, `warn` (works, and somebody should know) or
`fail` (something does not work). Whether the world can reach the webhook cannot be seen from here, and it says so.
"""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

import typer

from sayso.cli import trouble
from sayso.cli.opening import open_existing, settings_of
from sayso.cli.say import FAILED, counted, note, tell, when
from sayso.errors import KeyProblem, SaysoError

if TYPE_CHECKING:
    from sayso.core.workspace import Connection, Secret, Workspace
    from sayso.settings import Settings
    from sayso.wiring import System

#: A fact or a message that waits longer than this, microseconds, says that no worker is running.
WAITED_TOO_LONG: Final = 60_000_000
#: Free space under which a database is soon read-only, bytes.
LITTLE_SPACE: Final = 200_000_000
#: Free space under which it as good as is: its log alone may need that much.
NO_SPACE: Final = 10_000_000
#: Where the real provider answers; everything else is a rehearsal.
HOSTS: Final = {"meta": "graph.facebook.com", "twilio": "api.twilio.com"}
#: Hosts of this machine, as a base_url names them.
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
#: What mends messages and facts that nobody works on.
RUN: Final = "sayso serve   (or: sayso worker)"
MARKS: Final = {"ok": "ok  ", "warn": "WARN", "fail": "FAIL"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at. `mend` is a command, or what to do where no command can."""

    state: Literal["ok", "warn", "fail"]
    about: str
    detail: str
    mend: str = ""


def doctor(database: str, *, as_json: bool) -> None:
    """Look at everything; exit 1 if something fails."""
    findings = list(examine(database))
    failed = sum(finding.state == "fail" for finding in findings)
    warned = sum(finding.state == "warn" for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{MARKS[finding.state]}  {finding.about}: {finding.detail}")
        lines += [f"      mend: {finding.mend}"] if finding.mend else []
    lines.append(f"{len(findings) - failed - warned} good, {warned} to know about, {failed} failed")
    tell({"findings": [asdict(finding) for finding in findings], "failed": failed, "warned": warned},
         "\n".join(lines), as_json=as_json)
    note("Not checked, because it cannot be from here: that Meta reaches the webhook. Its app dashboard shows that.")
    if failed:
        raise typer.Exit(FAILED)


def examine(database: str) -> Iterator[Finding]:
    """All findings, each made when it is asked for. What cannot be looked at ends the list with a failure."""
    try:
        settings = settings_of(database)
    except SaysoError as error:
        yield Finding("fail", "settings", error.detail)
        return
    yield Finding("ok", "settings", "every SAYSO_ variable is one of ours")
    try:
        system = open_existing(settings)
    except SaysoError as error:
        yield from _closed(settings, error)
        return
    try:
        yield from _configs(settings, system)
        yield _keys(settings, None)
        yield from _database(settings, system)
        yield from _workspaces(system)
    except SaysoError as error:
        yield Finding("fail", "database", error.detail)
    finally:
        system.close()


def warnings(settings: Settings, system: System) -> Iterator[str]:
    """What a service that starts should say, a line each: files that are not in force, secrets that are missing."""
    for finding in _configs(settings, system):
        if finding.state != "ok":
            yield f"{finding.about}: {finding.detail}" + (f"; run: {finding.mend}" if finding.mend else "")
    for workspace in system.directory.all():
        for connection in workspace.connections.values():
            for field, (_, so) in secrets_of(connection).items():
                if system.secret(getattr(connection, field)) is None:
                    yield f"{workspace.slug}: connection {connection.name}: {field} is missing: {so}"


# -- files -------------------------------------------------------------------------------------------------------------


def _closed(settings: Settings, problem: SaysoError) -> Iterator[Finding]:
    """What can be said where the database does not open; whatever keeps it shut is told once."""
    yield from _configs(settings, None)
    yield _keys(settings, problem)
    if not isinstance(problem, KeyProblem):
        missing = not settings.on_postgres and not Path(settings.database).exists()
        yield Finding("fail", "database", problem.detail, "sayso init" if missing else "")


def _configs(settings: Settings, system: System | None) -> Iterator[Finding]:
    from sayso.cli.project import attempt, is_news, read

    for path in settings.configs:
        about = str(path)
        try:
            read(path)
            applied = system is not None and not is_news(attempt(system, path))
        except SaysoError as error:
            detail = error.detail.removeprefix(f"{path.name}: ")
            yield Finding("fail", about, detail, "" if path.exists() else "sayso init")
            continue
        if applied:
            yield Finding("ok", about, "is right and applied")
        elif system is None and _has_database(settings):
            yield Finding("ok", about, "is right; whether it is applied cannot be seen")
        else:
            yield Finding("warn", about, "is right, and not applied yet", "sayso init")


def _has_database(settings: Settings) -> bool:
    return settings.on_postgres or Path(settings.database).exists()


def _keys(settings: Settings, problem: SaysoError | None) -> Finding:
    path = settings.keys_file
    if path is None:
        return Finding("fail", "keys", problem.detail) if isinstance(problem, KeyProblem) else \
            Finding("ok", "keys", "come from SAYSO_KEYS")
    place = shlex.quote(str(path))
    if isinstance(problem, KeyProblem) and not path.exists():
        return Finding("fail", "keys", f"{path} is missing, and this database was made with one",
                       f"restore it: cp YOUR-BACKUP-OF-THE-KEYS {place} && chmod 600 {place}")
    if not path.exists():
        return Finding("warn", "keys", f"{path} is not made yet", "sayso init")
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return Finding("fail", "keys", f"others can read {path}", f"chmod 600 {place}")
    if isinstance(problem, KeyProblem):
        return Finding("fail", "keys", f"{path}: {problem.detail}")
    return Finding("ok", "keys", f"{path} is only yours; back it up apart from the database")


def _database(settings: Settings, system: System) -> Iterator[Finding]:
    try:
        system.store.write(lambda tx: tx.now())
        yield Finding("ok", "database", "takes writes, each on stable storage before it is answered")
    except SaysoError as error:
        yield Finding("fail", "database", error.detail)
    if settings.on_postgres:
        yield _postgres(settings)
        return
    import apsw

    yield Finding("ok", "SQLite", f"version {apsw.sqlite_lib_version()}, WAL, synchronous=FULL")
    path = Path(settings.database).absolute()
    yield _disk(path.parent)
    if os.name == "posix" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        yield Finding("warn", "database file", f"others can read {settings.database}; what is personal in it is sealed",
                      f"chmod 600 {shlex.quote(settings.database)}")


def _disk(folder: Path) -> Finding:
    import shutil

    free = shutil.disk_usage(folder).free
    detail = f"{free // 1_000_000} MB free beside the database"
    if free > LITTLE_SPACE:
        return Finding("ok", "disk", detail)
    mend = f"free some space in {shlex.quote(str(folder))}"
    return Finding("warn" if free > NO_SPACE else "fail", "disk", detail, mend)


def _postgres(settings: Settings) -> Finding:
    """Opening refused a server on which a commit can be lost, so only the version is left to look at."""
    import psycopg

    with psycopg.connect(settings.database) as connection:
        version = connection.info.server_version // 10_000
    if version < 15:
        return Finding("fail", "PostgreSQL", f"is version {version}; 15 is the oldest that Sayso is tested with")
    return Finding("ok", "PostgreSQL", f"version {version}; fsync, full_page_writes and synchronous_commit are on")


# -- each workspace ----------------------------------------------------------------------------------------------------


def _workspaces(system: System) -> Iterator[Finding]:
    for slug in system.directory.broken():
        yield Finding("fail", f"workspace {slug}", "what is stored of it cannot be read", "sayso init")
    workspaces = system.directory.all()
    if not workspaces:
        yield Finding("fail", "workspaces", "there is none", "sayso init")
    for workspace in workspaces:
        for connection in workspace.connections.values():
            yield from _connection(system, workspace, connection)
        yield from _senders(workspace)
        yield from _notices(workspace)
        yield from _ledger(system, workspace)
        yield from _queues(system, workspace)
        yield from trouble.findings(system, workspace)
        yield from _api_keys(system, workspace)


def _connection(system: System, workspace: Workspace, connection: Connection) -> Iterator[Finding]:
    from sayso.flows.setup import webhook_path
    from sayso.settings import exposed

    about = f"{workspace.slug}: connection {connection.name}"
    for field, (state, so) in secrets_of(connection).items():
        secret = getattr(connection, field)
        if system.secret(secret) is None:
            yield Finding(state, about, f"{field} is missing: {so}", _put(secret))
        elif exposed(secret):
            yield Finding("warn", about, f"every user of this machine can read the file of {field}",
                          f"chmod 600 {shlex.quote(secret.file)}")
        else:
            yield Finding("ok", about, f"{field} is there")
    if not connection.base_url.endswith(HOSTS[connection.provider]):
        whose = connection.provider.capitalize()
        yield Finding("warn", about, f"sends to {connection.base_url}, which is not {whose}")
    if connection.public_url:
        path = webhook_path(workspace.slug, connection)
        yield Finding("ok", about, f"Twilio must call exactly {connection.public_url}{path}; its signature covers that")


def secrets_of(connection: Connection) -> dict[str, tuple[Literal["ok", "warn", "fail"], str]]:
    """The secrets this connection needs: how bad it is without each, and what happens then."""
    from sayso.core.workspace import Secret

    unread, unsent = "every webhook is answered 503", "nothing can be sent, no question and no confirmation"
    if connection.provider == "meta":
        return {"app_secret": ("fail", unread), "verify_token": ("warn", "Meta cannot subscribe the webhook"),
                "access_token": ("fail", unsent)}
    signs = "shared_key" if connection.shared_key != Secret() else "auth_token"
    sends = "access_token" if connection.api_key else "auth_token"
    return {signs: ("fail", unread), sends: ("fail", unsent)} if signs != sends else \
        {signs: ("fail", f"{unread}, and {unsent}")}


def _put(secret: Secret) -> str:
    """The command that puts a secret where it is looked for, without it ever standing in the shell's history."""
    if secret.env:
        return f"set the environment variable {secret.env}"
    if not secret.file:
        return 'name it in sayso.toml, such as { file = "secrets/..." }'
    folder, file = shlex.quote(str(Path(secret.file).parent)), shlex.quote(secret.file)
    return f"(umask 077; mkdir -p {folder}; cat > {file})   # paste it, then Ctrl-D"


def _senders(workspace: Workspace) -> Iterator[Finding]:
    import phonenumbers

    for sender in workspace.senders.values():
        about = f"{workspace.slug}: sender {sender.name}"
        host = urlsplit(workspace.connections[sender.connection].base_url).hostname
        if sender.channel == "sms" and not sender.phone.startswith("+"):
            yield Finding("ok", about, f"the short code {sender.phone}, for SMS")
        # With the phone standing in for Meta a number of fiction is the right one.
        elif host not in LOOPBACK and not phonenumbers.is_valid_number(phonenumbers.parse(sender.phone)):
            yield Finding("warn", about, f"{sender.phone} is no number that can be had; chat links open nothing",
                          "correct phone in sayso.toml, then: sayso init")
        else:
            yield Finding("ok", about, f"{sender.phone}, its provider's id {sender.phone_number_id}")


def _notices(workspace: Workspace) -> Iterator[Finding]:
    first = {entry.notice for entry in workspace.entries.values() if entry.kind == "api"}
    for notice in workspace.notices.values():
        without = [lang for lang in notice.text if lang not in notice.templates]
        about = f"{workspace.slug}: notice {notice.name}"
        if without and notice.name not in first:
            yield Finding("ok", about, f"needs no template in {', '.join(without)}: people write first, and are asked "
                          "within 24 hours of it")
        elif without:
            yield Finding("warn", about, f"has no template in {', '.join(without)}: people who did not write in the "
                          "last 24 hours cannot be asked", f"add [notices.{notice.name}.templates.{without[0]}] to "
                          "sayso.toml, then: sayso init")
        else:
            yield Finding("ok", about, "has a template in each of its languages")
    asked = {name for notice in workspace.notices.values() for name in notice.purposes}
    for purpose in workspace.purposes.values():
        if purpose.name not in asked and purpose.cls != "service":
            yield Finding("warn", f"{workspace.slug}: purpose {purpose.name}",
                          "no notice asks for it, so nobody can say yes to it",
                          "name it in the purposes of a notice, with its version raised, then: sayso init")


def _ledger(system: System, workspace: Workspace) -> Iterator[Finding]:
    from sayso.core import events

    ws, about = workspace.id, f"{workspace.slug}: ledger"
    waiting, oldest, last = system.store.read(lambda tx: (
        tx.row("unintegrated_count", ws=ws), tx.row("waiting_events", ws=ws, limit=1),
        tx.row("last_checkpoint", ws=ws)))
    count, size, at = waiting[0] if waiting else 0, last[0] if last else 0, last[3] if last else 0
    signed = f"{counted(size, 'fact')} under a checkpoint of {when(at)} UTC" if at else "no checkpoint yet"
    if oldest and system.kit.now() - events.decode(bytes(oldest[1])).received_at > WAITED_TOO_LONG:
        waits = counted(count, "fact waits for its place", "facts wait for their place")
        yield Finding("warn", about, f"{waits} and nobody works on it; {signed}", RUN)
    else:
        yield Finding("ok", about, f"{signed}, {count} on the way")


def _queues(system: System, workspace: Workspace) -> Iterator[Finding]:
    from sayso.flows import incidents

    ws = workspace.id
    rows, due, open_now = system.store.read(lambda tx: (
        tx.rows("outbox_counts", ws=ws), tx.row("next_outbox"), incidents.counts(tx, ws)))
    counts = {str(state): int(count) for state, count in rows}
    late = due is not None and due[0] is not None and system.kit.now() - due[0] > WAITED_TOO_LONG
    about, unused = f"{workspace.slug}: outbox", open_now["unhandled"]
    parked = open_now["parked"] + open_now["possibly_sent"]  # those that nobody acknowledged
    if parked:
        yield Finding("warn", about, counted(parked, "message could not be sent and is parked",
                                             "messages could not be sent and are parked"), "sayso show --outbox")
    if late:
        yield Finding("warn", about, "something in it is overdue: no worker is running", RUN)
    if not parked and not late:
        yield Finding("ok", about, f"{counts.get('queued', 0)} to be sent in time, {counts.get('sent', 0)} sent")
    about = f"{workspace.slug}: webhooks"
    if unused:
        yield Finding("warn", about, f"{counted(unused, 'item')} could not be used", "sayso show --unhandled")
    else:
        yield Finding("ok", about, "everything that came in was used")


def _api_keys(system: System, workspace: Workspace) -> Iterator[Finding]:
    live = [row for row in system.store.read(lambda tx: tx.rows("api_keys", ws=workspace.id)) if not row[5]]
    yield Finding("ok", f"{workspace.slug}: API keys", f"{len(live)} in use") if live else \
        Finding("warn", f"{workspace.slug}: API keys", "there is none, so the HTTP API lets nobody in",
                f"sayso key --scopes check,send,consent,read --label main --workspace {workspace.slug}")
