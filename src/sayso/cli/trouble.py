"""`sayso incidents`, and what `sayso doctor` says of them, of permits nobody used, and of webhooks out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sayso.cli.opening import open_sayso
from sayso.cli.say import counted, note, table, tell, when
from sayso.errors import ConfigError, InvalidRequest

if TYPE_CHECKING:
    from sayso.cli.doctor import Finding
    from sayso.core.workspace import Webhook, Workspace
    from sayso.flows.receivers import WebhookShown
    from sayso.wiring import System


def incidents(database: str, workspace: str, acknowledge: str, remark: str, *, every: bool, as_json: bool) -> None:
    """List them, or say that somebody looked at one. Raises NotFound."""
    from sayso.flows import incidents as flow

    if remark and not acknowledge:
        raise InvalidRequest("A note goes with --acknowledge.", param="note")
    if len(remark) > flow.MAX_NOTE:
        raise InvalidRequest(f"A note has at most {flow.MAX_NOTE} characters.", param="note")
    with open_sayso(database, workspace) as sayso:
        ws, system = sayso.workspace.id, sayso.system
        if acknowledge:
            event = system.store.write(lambda tx: flow.acknowledge(tx, system.kit, ws, acknowledge, how="command",
                                                                   note=remark))
            tell({"incident": acknowledge, "event": event}, f"{acknowledge} is acknowledged.", as_json=as_json)
            return
        found = system.store.snapshot(lambda tx: flow.overview(tx, system.kit, ws, every=every))
    if as_json:
        tell(found, "", as_json=True)
        return
    table(("incident", "kind", "why", "when (UTC)", "person", "acknowledged"),
          [(one.id, one.kind, one.why, when(one.at), one.person or "-", "yes" if one.acknowledged else "no")
           for one in found.data], empty="There is no open incident.")
    if found.permits:
        table(("day (UTC)", "purpose", "permits never redeemed", "redeemed, never reported"),
              [(day.day, day.purpose, str(day.unredeemed), str(day.unreported)) for day in found.permits], empty="")
    hidden = sum(found.open.values()) - sum(not one.acknowledged for one in found.data)
    if hidden > 0:
        note(f"{hidden} more are open.")


# -- for sayso doctor --------------------------------------------------------------------------------------------------


def findings(system: System, workspace: Workspace) -> Iterator[Finding]:
    """Suspected breaches, permits nobody used, and each webhook out."""
    from sayso.cli.doctor import Finding
    from sayso.flows import incidents as flow
    from sayso.flows import receivers

    ws, kit = workspace.id, system.kit
    counts, permits, webhooks = system.store.read(lambda tx: (
        flow.counts(tx, ws), flow.permit_counts(tx, kit, ws, days=7), receivers.shown(tx, workspace)))
    about, look = f"{workspace.slug}: incidents", f"sayso incidents --workspace {workspace.slug}"
    if counts["breach"]:
        yield Finding("warn", about, f"{counted(counts['breach'], 'suspected breach', 'suspected breaches')} nobody "
                      "looked at", look)
    else:
        yield Finding("ok", about, "no suspected breach is open")
    unused = sum(count.unredeemed for count in permits)
    if unused:
        yield Finding("warn", f"{workspace.slug}: permits", f"{counted(unused, 'permit')} of the last seven days ran "
                      "out unredeemed: something asks and does not send", look)
    for shown in webhooks:
        yield _webhook(system, workspace, workspace.webhooks[shown.name], shown)


def _webhook(system: System, workspace: Workspace, webhook: Webhook, shown: WebhookShown) -> Finding:
    from sayso.cli.doctor import Finding
    from sayso.cli.webhooks import state
    from sayso.core.standard_webhooks import key_of

    about, told = f"{workspace.slug}: webhook {webhook.name}", f"{state(shown)}, {shown.delivered} delivered"
    try:
        keys = [key_of(secret) for secret in system.secrets(webhook)]
    except ConfigError as error:
        return Finding("fail", about, error.detail, "sayso webhook secret")
    if not keys:
        return Finding("fail", about, "its secret is missing: nothing is delivered", "sayso webhook secret")
    if shown.disabled_at:
        return Finding("fail", about, f"is disabled since {when(shown.disabled_at)} UTC ({shown.disabled_why}); "
                       f"{shown.lag} facts behind", f"sayso webhook enable {webhook.name}")
    if shown.failing_since:
        return Finding("warn", about, f"takes nothing since {when(shown.failing_since)} UTC ({shown.last_error}); "
                       f"{counted(shown.waiting, 'fact')} waiting", f"sayso webhook test {webhook.name}")
    if shown.given_up:
        return Finding("warn", about, f"{told}, {shown.given_up} given up", f"sayso webhook replay {webhook.name} "
                       "--since TIME")
    return Finding("ok", about, f"{told}, {shown.lag} to be told")
