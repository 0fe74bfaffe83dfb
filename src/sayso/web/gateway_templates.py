"""Learning what a template is filed under: asked of Meta once for all who wait, remembered in the database.

Rules of the room: an answer that is none leaves the template unknown, which denies; it is not asked for again for a
while, so that a campaign by a template nobody knows is no storm at Meta's door.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from sayso.channels import meta_templates
from sayso.channels.graph_body import Refused
from sayso.channels.relay import Relay
from sayso.core.workspace import Workspace
from sayso.errors import SaysoError
from sayso.flows import templates
from sayso.flows.gateway import Wish
from sayso.ports import SECOND
from sayso.telemetry import log

if TYPE_CHECKING:
    from sayso.web.desk import Desk

#: How long a template is not asked for again after an answer that told nothing.
GIVEN_UP_FOR: Final = 30 * SECOND
#: Templates remembered as unknown at a time; the memory is emptied when it is full.
REMEMBERED: Final = 1_024
#: Languages of one template, and other templates whose names contain its name: more than there are.
LIMIT: Final = 500
#: Longest list read.
MAX_LIST: Final = 2 * 1024 * 1024

Key = tuple[str, str, str]
#: What Meta said: it knows the template, it does not, or nothing that can be used.
KNOWN, MISSING, FAILED = "known", "missing", "failed"


class Templates:
    """Who is being asked about, and who was asked about in vain. Used on one event loop."""

    def __init__(self, desk: Desk, relay: Relay) -> None:
        self._desk = desk
        self._relay = relay
        self._asking: dict[Key, asyncio.Task[str]] = {}
        self._in_vain: dict[Key, tuple[int, str]] = {}

    async def learn(self, workspace: Workspace, wish: Wish) -> bool:
        """Ask, unless it was asked in vain a moment ago. True if something is known now. Raises Refused for a template
        that Meta does not know.
        """
        found = self._remembered(_key(workspace, wish)) or await asyncio.shield(self._task(workspace, wish))
        if found == MISSING:
            raise Refused("Meta knows no template of this name.", 132001, param="template.name")
        return found == KNOWN

    def soon(self, workspace: Workspace, wish: Wish) -> None:
        """Ask beside what is going on."""
        if not self._remembered(_key(workspace, wish)):
            self._task(workspace, wish)

    async def close(self) -> None:
        """End what is being asked."""
        for task in list(self._asking.values()):
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    def _remembered(self, key: Key) -> str:
        known = self._in_vain.get(key)
        now = self._desk.kit.ports.clock.steady()
        return known[1] if known and now - known[0] < GIVEN_UP_FOR else ""

    def _task(self, workspace: Workspace, wish: Wish) -> asyncio.Task[str]:
        key = _key(workspace, wish)
        task = self._asking.get(key)
        if task is None:
            task = self._asking[key] = asyncio.create_task(self._ask(workspace, wish))
            task.add_done_callback(lambda _: self._asking.pop(key, None))
        return task

    async def _ask(self, workspace: Workspace, wish: Wish) -> str:
        try:
            outcome = await self._listed(workspace, wish)
        except SaysoError as error:
            log("template_unknown", code=error.code, workspace=workspace.slug, connection=wish.connection.name)
            outcome = FAILED
        if outcome != KNOWN:
            if len(self._in_vain) >= REMEMBERED:
                self._in_vain.clear()
            self._in_vain[_key(workspace, wish)] = self._desk.kit.ports.clock.steady(), outcome
        return outcome

    async def _listed(self, workspace: Workspace, wish: Wish) -> str:
        desk, name, connection = self._desk, wish.template, wish.connection
        account = desk.system.account(workspace, wish.sender)
        base = f"{account.base_url.rstrip('/')}/{quote(account.api_version)}/{quote(connection.waba_id)}"
        url = (f"{base}/message_templates?name={quote(name)}"
               f"&fields=name,language,category&limit={LIMIT}")
        asked_at = desk.kit.now()
        answer = await self._relay.carry("GET", url, {"authorization": f"Bearer {account.token}", "user-agent": "Sayso",
                                                      "accept-encoding": "identity"}, limit=MAX_LIST)
        if answer.status != 200 or not isinstance(answer.json().get("data"), list):
            return FAILED
        found = meta_templates.listed(answer.json(), name)
        await desk.write(lambda tx: templates.listed(tx, workspace.id, connection, name, found, asked_at))
        return KNOWN if found else MISSING


def _key(workspace: Workspace, wish: Wish) -> Key:
    return workspace.id, wish.connection.name, wish.template
