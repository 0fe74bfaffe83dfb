"""Webhooks in from Twilio: people's messages by WhatsApp and SMS, and what became of ours.

Rules of the room: as in `hooks`, nothing is read without a secret, believed before its signature, or answered 2xx
before the commit. The address that was signed is rebuilt from the connection's `public_url`, never from the request's
own host. The answer is an empty TwiML document: any other text would be sent to the person as a reply.
"""

from __future__ import annotations

from time import perf_counter
from typing import Final

from sayso.channels import twilio
from sayso.channels.twilio import Algorithm
from sayso.core.workspace import Connection, Secret, Workspace
from sayso.errors import NotConfigured, NotFound, SaysoError
from sayso.flows.setup import webhook_path
from sayso.telemetry import DURABLE, WEBHOOKS_REFUSED
from sayso.web.call import Answer, Call, read_body
from sayso.web.hooks import record

#: Longest query looked at: Twilio adds a hash of 64 characters to what the operator wrote.
MAX_QUERY: Final = 2_048
_EMPTY: Final = Answer(200, b'<?xml version="1.0" encoding="UTF-8"?><Response/>', b"text/xml; charset=utf-8")


async def delivery(call: Call) -> Answer:
    """Take one request: verified, understood, recorded; then 200."""
    try:
        return await _deliver(call)
    except SaysoError as error:
        WEBHOOKS_REFUSED.labels(error.code).inc()
        raise


async def _deliver(call: Call) -> Answer:
    workspace, connection = await call.desk.connection(call.params["hook"])
    if connection.provider != "twilio":
        raise NotFound("There is no webhook at this address.")
    secrets = call.desk.system.app_secrets(connection)
    if not secrets:
        raise NotConfigured(f"Set the {_signed_with(connection)} of this connection; nothing is accepted without one.")
    raw = await read_body(call, twilio.MAX_BODY)
    began = perf_counter()
    twilio.verify(raw, call.header(b"x-twilio-signature").decode("latin-1"), secrets,
                  urls=_urls(call, workspace, connection), algorithm=_algorithm(connection),
                  settings_header=call.header(b"x-twilio-webhooks-signature-settings").decode("latin-1"))
    await record(call, workspace, connection, twilio.parse(raw), raw)
    DURABLE.observe(perf_counter() - began)
    return _EMPTY


def _urls(call: Call, workspace: Workspace, connection: Connection) -> tuple[str, ...]:
    query = bytes(call.scope["query_string"])
    if len(query) > MAX_QUERY:
        raise NotFound("There is no webhook at this address.")
    path = webhook_path(workspace.slug, connection)
    return twilio.urls_of(connection.public_url, path, query.decode("latin-1"))


def _algorithm(connection: Connection) -> Algorithm:
    """Pinned by the configuration: a request cannot choose a weaker one than the key that was set up."""
    return "HMAC_SHA256" if connection.shared_key != Secret() else "HMAC_SHA1"


def _signed_with(connection: Connection) -> str:
    return "shared key" if connection.shared_key != Secret() else "auth token"
