"""Standard Webhooks: what a signed delivery carries, so that any of its libraries can check ours.

github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md: `webhook-id` stays the same over retries,
`webhook-timestamp` is the try's own second, `webhook-signature` holds one `v1,` (HMAC-SHA256 over id.timestamp.body)
for each secret that is good now, so that a secret can be changed without a gap.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from typing import Final

from sayso.errors import ConfigError

PREFIX: Final = "whsec_"
#: Bytes of a secret (specification, signature scheme): between 24 and 64.
SIZES: Final = (24, 64)
#: Bytes of a secret made here.
FRESH: Final = 32
HOW: Final = "`sayso webhook secret` prints a fresh one."


def key_of(secret: str) -> bytes:
    """The bytes a secret stands for. Raises ConfigError that never repeats it."""
    if not secret.startswith(PREFIX):
        raise ConfigError(f"A webhook's secret begins with {PREFIX} (Standard Webhooks). {HOW}")
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError(f"What follows {PREFIX} in a webhook's secret is not base64. {HOW}") from None
    least, most = SIZES
    if not least <= len(key) <= most:
        raise ConfigError(f"A webhook's secret has {least} to {most} bytes, this one {len(key)}. {HOW}")
    return key


def secret_of(entropy: bytes) -> str:
    """A secret as it is written down. `entropy` is FRESH random bytes."""
    return PREFIX + base64.b64encode(entropy).decode()


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """One signature with its version."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


def headers(keys: Sequence[bytes], message_id: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The three headers. `timestamp` in seconds; `keys` is not empty."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signature(key, message_id, timestamp, body) for key in keys),
    }
