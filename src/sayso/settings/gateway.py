"""What a declaration says for the gateway: which templates are for which purpose, and which account files them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from sayso.core.message_class import STRICTNESS
from sayso.core.workspace import Connection, Purpose, Sender
from sayso.settings import checks
from sayso.settings.tables import wrong

#: Templates of one purpose.
MAX_TEMPLATES: Final = 1_000
#: Meta's id of a WhatsApp Business account.
WABA_ID: Final = re.compile(r"[0-9]{5,20}\Z")


def check(connections: Mapping[str, Connection], senders: Mapping[str, Sender],
          purposes: Mapping[str, Purpose]) -> None:
    """Raises ConfigError for a template that is for two purposes, a purpose nobody declared, an id that is none."""
    owners: dict[str, str] = {}
    for name, purpose in purposes.items():
        where = f"purposes.{name}.templates"
        if purpose.templates and purpose.cls not in STRICTNESS:
            raise wrong(where, f"is for purposes that people are written to for; '{purpose.cls}' is none.")
        if len(purpose.templates) > MAX_TEMPLATES:
            raise wrong(where, f"has {len(purpose.templates)} names; at most {MAX_TEMPLATES} are read.")
        for template in purpose.templates:
            if not checks.TEMPLATE_NAME.match(template):
                raise wrong(where, "holds names of a-z, 0-9 and _, as at Meta, or ContentSids, HX and 32 digits.")
            if (owner := owners.setdefault(template, name)) != name:
                raise wrong(where, f"holds '{template[:60]}', which is in [purposes.{owner}] already; a template is "
                            "for one purpose.")
    for name, sender in senders.items():
        if sender.purpose:
            checks.declared(sender.purpose, f"senders.{name}.purpose", "purpose", purposes)
    for name, connection in connections.items():
        if connection.waba_id and (connection.provider != "meta" or not WABA_ID.match(connection.waba_id)):
            raise wrong(f"connections.{name}.waba_id", "must be Meta's id of the WhatsApp Business account, in quotes.")
