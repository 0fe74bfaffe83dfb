"""`sayso webhook`: how each webhook out does, a test delivery, a fresh secret, replays, enabling one again."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

import msgspec
import typer

from sayso.cli.opening import open_sayso
from sayso.cli.say import FAILED, counted, note, table, tell, when
from sayso.errors import InvalidRequest, NotConfigured
from sayso.flows.receivers import WebhookShown
from sayso.ports import SECOND


def show(database: str, workspace: str, *, as_json: bool) -> None:
    """Every declared webhook."""
    from sayso.flows import receivers

    with open_sayso(database, workspace) as sayso:
        here = sayso.workspace
        found = sayso.system.store.read(lambda tx: receivers.shown(tx, here))
    if as_json:
        tell(found, "", as_json=True)
        return
    table(("webhook", "host", "state", "cursor", "lag", "waiting", "delivered", "given up", "last error"),
          [(one.name, one.host, state(one), str(one.cursor), str(one.lag), str(one.waiting), str(one.delivered),
            str(one.given_up), f"{one.last_error} ({when(one.last_error_at)})" if one.last_error else "-")
           for one in found], empty="No webhook is declared in sayso.toml.")


def state(webhook: WebhookShown) -> str:
    """How a webhook does, in a word or two."""
    if webhook.disabled_at:
        return f"disabled ({webhook.disabled_why})"
    return "failing" if webhook.failing_since else "good"


def test(database: str, workspace: str, name: str, *, as_json: bool) -> None:
    """One delivery, now. Raises NotFound, NotConfigured, ConfigError."""
    from sayso.core.standard_webhooks import key_of
    from sayso.flows import announce, receivers
    from sayso.worker import deliveries

    with open_sayso(database, workspace) as sayso:
        system = sayso.system
        webhook = receivers.webhook_of(sayso.workspace, name)
        keys = [key_of(value) for value in system.secrets(webhook)]
        if not keys:
            raise NotConfigured(f"The webhook '{name}' has no secret yet; `sayso webhook secret` prints one.",
                                param=f"webhooks.{name}.secret")
        message = announce.trial(system.kit, sayso.workspace)
        reply = deliveries.post(system.kit, webhook, system, keys, message)
    taken = 200 <= reply.status < 300
    code = "" if taken else deliveries.code_of(reply)
    tell({"webhook": name, "id": message.id, "status": reply.status, "problem": code},
         f"{name} took {message.id}: {reply.status}" if taken else f"{name} did not take it: {code}", as_json=as_json)
    if not taken:
        raise typer.Exit(FAILED)


def secret(*, as_json: bool) -> None:
    """A fresh secret, kept nowhere."""
    from sayso.core.standard_webhooks import FRESH, secret_of

    made = secret_of(secrets.token_bytes(FRESH))
    tell({"secret": made}, made, as_json=as_json)
    note("It is kept nowhere. Put it into the file or variable that sayso.toml names, and into the receiver.")


def replay(database: str, workspace: str, name: str, first: int | None, last: int | None, since: str, *,
           as_json: bool) -> None:
    """Ask for a range once more; the worker tells it. Raises InvalidRequest, NotFound."""
    from sayso.flows import receivers

    if (since != "") == (first is not None or last is not None):
        raise InvalidRequest("Say which range: --from and --to, or --since.", param="since")
    at = _time(since) if since else None
    with open_sayso(database, workspace) as sayso:
        here, kit = sayso.workspace, sayso.system.kit
        made = sayso.system.store.write(
            lambda tx: receivers.replay(tx, kit, here, name, first=first, last=last, since=at))
    tell(msgspec.to_builtins(made), f"{counted(made.last - made.first + 1, 'fact')} will be looked through once more, "
         f"leaf {made.first} to {made.last}; a running worker tells them.", as_json=as_json)


def _time(text: str) -> int:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest("Write the time as 2026-05-01 or 2026-05-01T12:00:00Z.", param="since") from None
    read = read if read.tzinfo else read.replace(tzinfo=UTC)
    return int(read.timestamp()) * SECOND


def enable(database: str, workspace: str, name: str, *, as_json: bool) -> None:
    """Call it again. Raises NotFound."""
    from sayso.flows import receivers

    with open_sayso(database, workspace) as sayso:
        here = sayso.workspace
        sayso.system.store.write(lambda tx: receivers.enable(tx, here, name))
    tell({"webhook": name, "state": "enabled"}, f"{name} is called again, from where it was left.", as_json=as_json)
