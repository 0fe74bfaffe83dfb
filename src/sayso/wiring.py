"""The only file that picks concrete parts and joins them: settings -> store, keys, words, channel, worker."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sayso.core.identity import Address
from sayso.core.standard_webhooks import key_of
from sayso.core.understanding import Understanding, keeps_its_meaning
from sayso.core.workspace import Connection, Notice, Secret, Sender, Webhook, Workspace
from sayso.errors import ConfigError, KeyProblem, NotConfigured
from sayso.flows import rights, setup
from sayso.flows.kit import Kit
from sayso.flows.rights import Erased
from sayso.flows.setup import Applied, Directory
from sayso.ports import SECOND, Ports
from sayso.rules.reader import Replies, load_replies, load_understanding, reply_for
from sayso.settings import Settings, read_config, resolve
from sayso.settings.config import parse
from sayso.store.base import Store, Tx
from sayso.vault import Vault

if TYPE_CHECKING:
    import httpx

    from sayso.channels.base import Channel, Outbound, Reply, SenderAccount, Sent
    from sayso.channels.pipes import Pipes
    from sayso.channels.receivers import Receivers
    from sayso.channels.relay import Relay
    from sayso.snapshot.keeper import Keeper
    from sayso.worker.run import Worker

#: How long a secret read from a file or the environment is kept before it is looked at again.
SECRET_LIFE: Final = 2 * SECOND
#: Longest a provider may take to answer one call, seconds.
SEND_TIMEOUT_S: Final = 20.0


@dataclass(slots=True)
class System:
    """One installation, put together. Close it when done."""

    store: Store
    kit: Kit
    directory: Directory
    environ: dict[str, str]
    graph_url: str = ""
    snapshots: Path | None = None
    _keepers: dict[str, Keeper] = field(default_factory=dict)
    send_timeout_s: float = SEND_TIMEOUT_S
    _client: httpx.Client | None = None
    _receivers: Receivers | None = None
    _secrets: dict[Secret, tuple[int, str | None]] = field(default_factory=dict)

    def secret(self, secret: Secret) -> str | None:
        """The value of a secret, looked at again every two seconds so that a rotated file is noticed."""
        now = self.kit.ports.clock.steady()
        known = self._secrets.get(secret)
        if known is None or now - known[0] > SECRET_LIFE:
            known = self._secrets[secret] = (now, resolve(secret, self.environ))
        return known[1]

    def app_secrets(self, connection: Connection) -> list[str]:
        """The secrets a webhook of this connection may be signed with; empty means not configured.

        Twilio's: once a shared key is named, the auth token is none of them, even while the key cannot be read.
        """
        signs = connection.app_secret
        if connection.provider == "twilio":
            signs = connection.shared_key if connection.shared_key != Secret() else connection.auth_token
        found = (self.secret(signs), self.secret(connection.previous_secret))
        return [value for value in found if value]

    def account(self, workspace: Workspace, sender: Sender) -> SenderAccount:
        """The right to speak for a sender. Raises NotConfigured without a token."""
        from sayso.channels.base import SenderAccount

        connection = workspace.connections[sender.connection]
        twilio = connection.provider == "twilio"
        field = "auth_token" if twilio and not connection.api_key else "access_token"
        token = self.secret(getattr(connection, field))
        if not token:
            raise NotConfigured(f"Connection '{connection.name}' has no {field.replace('_', ' ')}; set {field} in "
                                "sayso.toml.")
        if not twilio:
            return SenderAccount(sender.phone_number_id, token, self.graph_url or connection.base_url,
                                 connection.api_version)
        return SenderAccount(sender.phone_number_id, token, connection.base_url, "", connection.account_sid,
                             connection.api_key or connection.account_sid,
                             connection.public_url + setup.webhook_path(workspace.slug, connection), sender.channel)

    def send(self, workspace: Workspace, sender: Sender, to: Address, message: Outbound, tag: str,
             before_write: Callable[[], None]) -> Sent:
        """Hand one message to the sender's provider, once."""
        import httpx

        from sayso.channels import meta, twilio

        if self._client is None:
            self._client = httpx.Client(follow_redirects=False, timeout=SEND_TIMEOUT_S)
        provider = workspace.connections[sender.connection].provider
        channel: Channel[httpx.Client] = twilio if provider == "twilio" else meta
        return channel.send(self._client, self.account(workspace, sender), to, message, tag, SEND_TIMEOUT_S,
                            before_write=before_write)

    def keeper(self, workspace: Workspace) -> Keeper:
        """The keeper of a workspace's snapshot. Raises ConfigError where no folder is set."""
        from sayso.snapshot.keeper import Keeper

        if self.snapshots is None:
            raise ConfigError("Set SAYSO_SNAPSHOTS: the folder for snapshots.", param="SAYSO_SNAPSHOTS")
        known = self._keepers.get(workspace.id)
        if known is None:
            known = self._keepers[workspace.id] = Keeper(self.store, self.kit, self.snapshots / workspace.id)
        return known

    def relay(self) -> Relay:
        """Connections for what the gateway hands on; they belong to the event loop that uses them."""
        from sayso.channels.relay import Relay

        return Relay(self.send_timeout_s)

    def pipes(self) -> Pipes | Relay:
        """The same for messages, of which there are many: kept connections, unless a proxy stands between."""
        from sayso.channels.pipes import Pipes, proxied

        return self.relay() if proxied(self.environ) else Pipes(self.send_timeout_s)

    def worker(self) -> Worker:
        """A worker over this system; start it, or let it settle."""
        from sayso.worker.run import Worker

        return Worker(self.store, self.kit, self.directory.all, self.directory.by_id, self.send, courier=self)

    # -- webhooks out: what a worker's courier is -------------------------------------------------

    def secrets(self, webhook: Webhook) -> list[str]:
        """The secrets a delivery is signed with; empty means not configured."""
        found = (self.secret(webhook.secret), self.secret(webhook.previous_secret))
        return [value for value in found if value]

    def post(self, webhook: Webhook, headers: Mapping[str, str], body: bytes) -> Reply:
        """Call a receiver once."""
        from sayso.channels.receivers import Receivers

        if self._receivers is None:
            self._receivers = Receivers()
        return self._receivers.post(webhook, headers, body)

    def apply(self, config: Path | Mapping[str, Any]) -> Applied:
        """Apply a sayso.toml, or a mapping of the same shape. Raises ConfigError."""
        if isinstance(config, Path):
            declared = read_config(config, self._reserved, self.desk_notices)
        else:
            declared = parse(config, Path(), self._reserved, self.desk_notices)
        self.check_webhooks(declared.webhooks.values())
        applied = self.store.write(lambda tx: setup.apply(tx, self.kit, declared))
        self.directory.refresh()
        return applied

    def check_webhooks(self, webhooks: Iterable[Webhook]) -> None:
        """Raises ConfigError for a webhook's secret that is there and is none; a missing one may still come."""
        for webhook in webhooks:
            for part in ("secret", "previous_secret"):
                value = self.secret(getattr(webhook, part))
                if value is not None:
                    try:
                        key_of(value)
                    except ConfigError as error:
                        where = f"webhooks.{webhook.name}.{part}"
                        raise ConfigError(f"{where}: {error.detail}", param=where) from error

    def desk_notices(self, slug: str) -> dict[str, Notice]:
        """The notices published by command or API in a workspace: its sayso.toml may name them. None where there is no
        workspace yet, or what is stored of it cannot be read.
        """
        self.directory.refresh()
        try:
            workspace = self.directory.by_slug(slug)
        except NotConfigured:
            return {}
        notices = workspace.notices.values() if workspace else ()
        return {notice.name: notice for notice in notices if notice.origin == "desk"}

    def _reserved(self, word: str) -> bool:
        """A word that people use to leave, to ask for help or to answer cannot be made a keyword for joining."""
        return keeps_its_meaning(self.kit.words(), word)

    def workspace(self, slug: str = "") -> Workspace:
        """The workspace of this slug, or the only one. Raises ConfigError."""
        if slug:
            found = self.directory.by_slug(slug)
            if found is None:
                raise ConfigError(f"There is no workspace '{slug}' in this database. Run `sayso init`.")
            return found
        everyone = self.directory.all()
        if len(everyone) != 1:
            if not everyone:
                raise ConfigError("There is no workspace in this database yet. Run `sayso init`.")
            raise ConfigError(f"There are {len(everyone)} workspaces in this database. Name one with --workspace or "
                              "SAYSO_WORKSPACE.")
        return everyone[0]

    def erase(self, workspace: Workspace, address: Address, *, how: str) -> Erased:
        """Destroy what is known of a person and purge it from the database's files. Raises NotFound."""
        return self.purge(self.store.write(lambda tx: rights.erase(tx, self.kit, workspace.id, address, how=how)))

    def purge(self, erased: Erased) -> Erased:
        """After an erasure was committed: nothing of it is left in memory, nor in the database's files."""
        for record in erased.records:
            self.kit.vault.forget(record)  # after the commit: nobody can load the key again
        self.store.purge()
        return erased

    def close(self) -> None:
        """Finish what is waiting and let go of database and connections."""
        if self._client is not None:
            self._client.close()
        if self._receivers is not None:
            self._receivers.close()
        self.store.close()


def open_system(settings: Settings, *, ports: Ports | None = None, environ: dict[str, str] | None = None) -> System:
    """Open the database with its keys. Raises ConfigError, KeyProblem, SchemaTooNew, Unavailable."""
    ports = ports or Ports()
    store = open_store(settings.database, ports)
    try:
        vault = _open_vault(settings, store)
        kit = Kit(ports, vault, _words, _replies, settings.public_url)
        return System(store, kit, Directory(store, ports.clock), dict(os.environ if environ is None else environ),
                      snapshots=settings.snapshots)
    except BaseException:
        store.close()
        raise


def open_store(database: str, ports: Ports) -> Store:
    """SQLite for a path, PostgreSQL for a URL."""
    if database.startswith(("postgresql://", "postgres://")):
        from sayso.store.postgres import PostgresStore

        return PostgresStore(database)
    if "://" in database:
        raise ConfigError("The database is a file path or a postgresql:// URL.")
    from sayso.store.sqlite import SqliteStore

    return SqliteStore(database, clock=ports.clock)


def _open_vault(settings: Settings, store: Store) -> Vault:
    """The keys, checked against what the database remembers of them. A fresh database takes fresh keys; a used one
    whose keys are lost does not start, for it could read nothing and would deny everybody.
    """
    stored = store.read(lambda tx: tx.row("meta", name="key_check"))
    if settings.keys:
        vault = Vault.from_text(settings.keys)
    elif settings.keys_file is None:
        raise KeyProblem("No keys: set SAYSO_KEYS_FILE.")
    elif stored is not None and not settings.keys_file.exists():
        raise KeyProblem(f"The key file {settings.keys_file} is missing, and this database was made with one. "
                         "Put it back from your backup of the keys, or point SAYSO_KEYS_FILE to it.")
    else:
        vault = Vault.open(settings.keys_file, create=True)
    if stored is not None:
        vault.check(json.loads(stored[0]))
    store.write(partial(_remember, vault))
    return vault


def _remember(vault: Vault, tx: Tx) -> None:
    """Keep the check values of every key this database has ever been opened with."""
    row = tx.row("meta", name="key_check")
    known = json.loads(row[0]) if row else {}
    vault.check(known)  # again, inside the transaction: another process may have brought its keys a moment ago
    if known != (merged := known | vault.check_value()):
        tx.run("set_meta", name="key_check", value=json.dumps(merged, sort_keys=True))


@cache
def _words() -> Understanding:
    return load_understanding()


@cache
def _all_replies() -> dict[str, Replies]:
    return load_replies()


def _replies(lang: str) -> Replies:
    return reply_for(lang, _all_replies())
