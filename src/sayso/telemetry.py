"""Logs and metrics. A log line carries only fields on the allowlist, so no phone number, text or key can slip in."""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

#: The only fields a log line may have; a value is cut to MAX_VALUE characters.
ALLOWED: Final = frozenset({
    "code", "connection", "count", "duration_ms", "error", "events", "items", "kind", "method", "port", "reason",
    "request_id", "route", "state", "status", "unhandled", "verdict", "where", "workspace",
})
MAX_VALUE: Final = 200

REGISTRY: Final = CollectorRegistry()
DECISIONS: Final = Counter("sayso_gate_decisions", "Answers of the gate", ["verdict", "reason"], registry=REGISTRY)
WEBHOOK_ITEMS: Final = Counter("sayso_webhook_items", "Items of provider webhooks", ["outcome"], registry=REGISTRY)
WEBHOOKS_REFUSED: Final = Counter("sayso_webhooks_refused", "Webhooks refused", ["why"], registry=REGISTRY)
OPT_OUTS: Final = Counter("sayso_opt_outs", "Opt-outs recorded through the API or a preference page", registry=REGISTRY)
FORMS_REFUSED: Final = Counter("sayso_forms_refused", "Forms and questions turned away against abuse", ["why"],
                               registry=REGISTRY)
BREACHES: Final = Counter("sayso_breach_suspected", "Writes that began after their permit's deadline",
                          registry=REGISTRY)
DURABLE: Final = Histogram("sayso_webhook_seconds", "From a webhook's last byte to its commit", registry=REGISTRY,
                           buckets=(.002, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 5))
REQUESTS: Final = Counter("sayso_http_requests", "Requests answered", ["route", "status"], registry=REGISTRY)
OUTBOX: Final = Gauge("sayso_outbox_rows", "Rows of the outbox by state", ["state"], registry=REGISTRY)
WAITING: Final = Gauge("sayso_ledger_waiting", "Events that wait for their leaf", registry=REGISTRY)

DELIVERIES: Final = Counter("sayso_webhook_deliveries", "Deliveries of webhooks out", ["outcome"], registry=REGISTRY)
WEBHOOK_LAG: Final = Gauge("sayso_webhook_lag", "Facts a webhook has not been told of yet", ["workspace", "webhook"],
                           registry=REGISTRY)
WEBHOOKS_DISABLED: Final = Gauge("sayso_webhooks_disabled", "Webhooks that are disabled", registry=REGISTRY)
INCIDENTS: Final = Gauge("sayso_incidents_open", "Incidents nobody acknowledged", ["kind"], registry=REGISTRY)
UNREDEEMED: Final = Gauge("sayso_permits_unredeemed", "Permits of the last two days that ran out unused",
                          registry=REGISTRY)

_logger: Final = logging.getLogger("sayso")


def configure(level: str) -> None:
    """Send log lines to standard error, one JSON object each."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _logger.handlers[:] = [handler]
    _logger.setLevel(level.upper())
    _logger.propagate = False


def log(event: str, **fields: object) -> None:
    """Write one line. A field that is not allowed is dropped and its name is told, never its value."""
    line: dict[str, object] = {"at": round(time.time(), 3), "event": event}
    dropped = sorted(set(fields) - ALLOWED)
    for name in sorted(set(fields) & ALLOWED):
        value = fields[name]
        line[name] = value if isinstance(value, int | float | bool) else str(value)[:MAX_VALUE]
    if dropped:
        line["dropped"] = ",".join(dropped)
    _logger.info(json.dumps(line))
