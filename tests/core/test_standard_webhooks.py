"""Standard Webhooks: secrets are read strictly, signatures are what its own library makes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from sayso.core import standard_webhooks
from sayso.errors import ConfigError

SECRET = standard_webhooks.secret_of(bytes(range(32)))


@given(st.binary(min_size=24, max_size=64), st.from_regex(r"[A-Za-z0-9_]{1,40}\Z", fullmatch=True),
       st.integers(0, 4_000_000_000), st.text())
def test_a_signature_is_the_one_their_library_makes(key: bytes, id: str, at: int, body: str) -> None:
    try:
        raw = body.encode()
    except UnicodeEncodeError:
        return
    theirs = Webhook(standard_webhooks.secret_of(key)).sign(id, datetime.fromtimestamp(at, UTC), body)
    assert standard_webhooks.signature(key, id, at, raw) == theirs


def test_each_secret_signs() -> None:
    keys = [standard_webhooks.key_of(SECRET), bytes(24)]
    found = standard_webhooks.headers(keys, "evt_1", 1, b"{}")
    assert len(found["webhook-signature"].split(" ")) == 2
    assert (found["webhook-id"], found["webhook-timestamp"]) == ("evt_1", "1")


@pytest.mark.parametrize("secret", [
    "plain", "", "whsec_", "whsec_short", "whsec_!!!!", "whsec_" + "A" * 30, standard_webhooks.secret_of(bytes(23)),
    standard_webhooks.secret_of(bytes(65)), "WHSEC_" + SECRET[6:],
])
def test_what_is_no_secret_is_refused_with_how_to_make_one_and_never_repeated(secret: str) -> None:
    with pytest.raises(ConfigError, match="sayso webhook secret") as caught:
        standard_webhooks.key_of(secret)
    assert len(secret) < 8 or secret not in str(caught.value)
