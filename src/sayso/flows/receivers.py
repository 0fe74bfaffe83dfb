"""Webhooks out, seen from the desk: declared with sayso.toml, looked at, told a range once more, enabled again.

The delivering itself is `worker/deliveries.py`. A webhook that is declared for the first time hears of what is
recorded from then on; what came before it can be asked for by a replay.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import msgspec

from sayso.core.workspace import Webhook, Workspace
from sayso.errors import InvalidRequest, NotFound
from sayso.flows.kit import Kit
from sayso.ports import ulid
from sayso.store.base import Tx

#: Replays of one webhook that may be under way.
MAX_REPLAYS: Final = 10


class WebhookShown(msgspec.Struct, frozen=True, kw_only=True):
    """A webhook and how it does. `cursor` is the first leaf it has not been told of, `lag` how many there are,
    `waiting` the facts behind the cursor it could not be told yet and `people` whom they are about. `last_error` is a
    code. Times in microseconds UTC, 0 for never.
    """

    name: str
    host: str
    types: list[str]
    addresses: bool
    cursor: int
    lag: int
    waiting: int
    people: int
    delivered: int
    given_up: int
    replays: int
    disabled_at: int
    disabled_why: str
    failing_since: int
    paused_until: int
    last_ok_at: int
    last_error: str
    last_error_at: int


class Replay(msgspec.Struct, frozen=True, kw_only=True):
    """A range of the ledger that is told once more, both ends included."""

    id: str
    webhook: str
    first: int
    last: int


def declare(tx: Tx, workspace: Workspace) -> None:
    """Give a new webhook its cursor, and forget that of one which is gone from sayso.toml."""
    known = {row[0] for row in tx.rows("webhook_cursors", ws=workspace.id)}
    for name in known - set(workspace.webhooks):
        tx.run("drop_webhook_waits", ws=workspace.id, webhook=name)
        tx.run("drop_webhook_replays", ws=workspace.id, webhook=name)
        tx.run("drop_webhook_cursor", ws=workspace.id, webhook=name)
    if any(name not in known for name in workspace.webhooks):
        size, waiting = tx.row("tree_size", ws=workspace.id), tx.row("unintegrated_count", ws=workspace.id)
        begin = (size[0] if size else 0) + (waiting[0] if waiting else 0)
        for name in workspace.webhooks:
            tx.run("add_webhook_cursor", ws=workspace.id, webhook=name, leaf=begin)


def webhook_of(workspace: Workspace, name: str) -> Webhook:
    """Raises NotFound."""
    try:
        return workspace.webhooks[name]
    except KeyError:
        raise NotFound("There is no such webhook in the applied configuration; where sayso.toml has it, run `sayso "
                       "init`.", param="webhook") from None


def shown(tx: Tx, workspace: Workspace) -> list[WebhookShown]:
    """Every declared webhook, in the order of the file."""
    rows = {row[0]: row for row in tx.rows("webhook_cursors", ws=workspace.id)}
    size = tx.row("tree_size", ws=workspace.id)
    end = int(size[0]) if size else 0
    return [_shown(tx, workspace, webhook, rows.get(webhook.name, (webhook.name, end, 0, 0, 0, "", 0, 0, 0, "", 0, 0)),
                   end) for webhook in workspace.webhooks.values()]


def _shown(tx: Tx, workspace: Workspace, webhook: Webhook, row: tuple[object, ...], end: int) -> WebhookShown:
    _, cursor, paused, failing, disabled, why, delivered, given_up, ok_at, error, error_at, _ = row
    waits = tx.row("count_waits", ws=workspace.id, webhook=webhook.name) or (0, 0)
    values = {"cursor": cursor, "paused_until": paused, "failing_since": failing, "disabled_at": disabled,
              "disabled_why": why, "delivered": delivered, "given_up": given_up, "last_ok_at": ok_at,
              "last_error": error, "last_error_at": error_at}
    return msgspec.convert({
        **values, "name": webhook.name, "host": urlsplit(webhook.url).hostname or "", "types": list(webhook.types),
        "addresses": webhook.addresses, "lag": max(0, end - int(str(cursor))), "waiting": waits[0],
        "people": waits[1], "replays": len(tx.rows("replays", ws=workspace.id, webhook=webhook.name)),
    }, WebhookShown)


def replay(tx: Tx, kit: Kit, workspace: Workspace, name: str, *, first: int | None = None, last: int | None = None,
           since: int | None = None) -> Replay:
    """Tell a webhook a range once more: by leaves, both included, or from a time on. Ids stay as they were, so that a
    receiver which had them before sees that. Raises NotFound, InvalidRequest.
    """
    webhook_of(workspace, name)
    size = tx.row("tree_size", ws=workspace.id)
    end = int(size[0]) - 1 if size else -1
    if since is not None:
        floor = f"evt_{ulid(max(0, since) // 1000, 0)}"
        found = tx.row("first_leaf_since", ws=workspace.id, floor=floor)
        first = found[0] if found and found[0] is not None else end + 1
    begin, final = first or 0, end if last is None else min(last, end)
    if begin < 0 or begin > final:
        raise InvalidRequest(f"The ledger has nothing in that range; its last leaf is {end}.", param="from")
    if len(tx.rows("replays", ws=workspace.id, webhook=name)) >= MAX_REPLAYS:
        raise InvalidRequest(f"At most {MAX_REPLAYS} replays of a webhook run at a time.", param="webhook")
    made = Replay(id=kit.ports.new_id("rpl"), webhook=name, first=begin, last=final)
    tx.run("add_replay", ws=workspace.id, webhook=name, replay=made.id, first=begin, last=final, now=kit.now())
    return made


def enable(tx: Tx, workspace: Workspace, name: str) -> None:
    """Call a disabled webhook again: everything since is told, what waits is tried at once. Raises NotFound."""
    webhook_of(workspace, name)
    tx.run("enable_webhook", ws=workspace.id, webhook=name)
    tx.run("hasten_waits", ws=workspace.id, webhook=name)
