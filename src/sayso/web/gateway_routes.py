"""The gateway's rows of the route table: the paths of Meta's Graph API and of Twilio's, on this server.

A client made for one of them changes its base URL to this server's and its token to a key with the scope `send`. What
is not passed on is refused in the shape its client knows; `gateway_proxy.POLICY` says what is.
"""

from __future__ import annotations

from typing import Final

from sayso.web import gateway, gateway_media, gateway_proxy, gateway_twilio
from sayso.web.routes import FORM, Route

_JSON: Final = "application/json"
_GRAPH, _TWILIO = "/{version}/{path}", "/2010-04-01/{path}"

GATEWAY: Final[tuple[Route, ...]] = (
    Route("POST", "/{version}/{phone_number_id}/messages", "send", gateway.messages,
          "Meta's Graph API: send a message, past the gate.", {200: dict}, takes=_JSON, speaks="graph"),
    Route("POST", "/{version}/{phone_number_id}/marketing_messages", "send", gateway.marketing_messages,
          "Meta's Marketing Messages API, past the gate.", {200: dict}, takes=_JSON, speaks="graph"),
    Route("POST", "/2010-04-01/Accounts/{account}/Messages.json", "send", gateway_twilio.messages,
          "Twilio's API: send a message, past the gate.", {201: dict}, takes=FORM, speaks="twilio"),
    Route("GET", "/{version}/{media_id}/file", "send", gateway_media.download,
          "The bytes of a file, by the address that the look-up of its id tells.", {200: None},
          media="application/octet-stream", speaks="graph"),
    Route("GET", _GRAPH, "send", gateway_proxy.pass_on, "Other reads of the Graph API, by policy.", {200: dict},
          speaks="graph"),
    Route("POST", _GRAPH, "send", gateway_proxy.pass_on, "Other calls of the Graph API, by policy.", {200: dict},
          takes=_JSON, speaks="graph"),
    Route("DELETE", _GRAPH, "send", gateway_proxy.pass_on, "Deletions at the Graph API, by policy.", {200: dict},
          takes=_JSON, speaks="graph"),
    Route("GET", _TWILIO, "send", gateway_twilio.refuse, "Everything else at Twilio's API is refused.", {200: dict},
          speaks="twilio"),
    Route("POST", _TWILIO, "send", gateway_twilio.refuse, "Everything else at Twilio's API is refused.", {200: dict},
          takes=FORM, speaks="twilio"),
    Route("DELETE", _TWILIO, "send", gateway_twilio.refuse, "Everything else at Twilio's API is refused.", {200: dict},
          speaks="twilio"),
)
