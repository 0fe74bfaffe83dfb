"""Is this webhook Meta's: the handshake and the signature on raw bytes."""

from __future__ import annotations

import hashlib
import hmac

import httpx
import pytest
from pywa.utils import webhook_updates_validator

from sayso.channels import meta
from sayso.channels.base import Channel
from sayso.errors import BadSignature, Forbidden, NotConfigured
from tests.channels.envelopes import SECRET, messages, text

EMPTY = b'{"object":"whatsapp_business_account","entry":[]}'
EMPTY_SIGNATURE = "sha256=dec6a680679a968e7e0319355b23599cbfc54502c0784668e9618baa0c633756"
HANDSHAKE = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": "our-token"}


def sign(raw: bytes, secret: str = SECRET, method: str = "sha256") -> str:
    return f"{method}=" + hmac.new(secret.encode(), raw, method).hexdigest()


def test_the_module_is_a_channel() -> None:
    channel: Channel[httpx.Client] = meta
    assert channel.parse(EMPTY) == []


def accepts(raw: bytes, header: str | None, secrets: list[str]) -> bool:
    try:
        meta.verify(raw, header, secrets)
    except BadSignature:
        return False
    return True


def test_it_accepts_a_vector_computed_elsewhere() -> None:
    assert accepts(EMPTY, EMPTY_SIGNATURE, [SECRET])


def test_it_agrees_with_pywa_on_what_is_signed() -> None:
    raw = messages(text("STOP ✋"))
    for header in (sign(raw), sign(raw + b" ")):
        assert webhook_updates_validator(SECRET, raw, header) == accepts(raw, header, [SECRET])


@pytest.mark.parametrize("secrets", [["new", SECRET], [SECRET, "new"], ["a", SECRET, "b"]])
def test_it_accepts_either_secret_while_one_is_being_replaced(secrets: list[str]) -> None:
    assert accepts(EMPTY, EMPTY_SIGNATURE, secrets)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        EMPTY_SIGNATURE[:-1],
        EMPTY_SIGNATURE + "0",
        EMPTY_SIGNATURE + "\n",
        EMPTY_SIGNATURE.removeprefix("sha256="),
        sign(EMPTY, method="sha1"),
        "sha1=" + EMPTY_SIGNATURE.removeprefix("sha256="),
        sign(EMPTY, secret="another"),
        "sha256=" + "é" * 64,
        "sha256=" + "０" * 64,
    ],
)
def test_it_refuses_a_signature_that_is_missing_short_sha1_or_wrong(header: str | None) -> None:
    with pytest.raises(BadSignature):
        meta.verify(EMPTY, header, [SECRET])


def test_one_changed_byte_breaks_the_signature() -> None:
    with pytest.raises(BadSignature):
        meta.verify(EMPTY + b" ", EMPTY_SIGNATURE, [SECRET])


@pytest.mark.parametrize("secrets", [[], [""], ["", ""]])
def test_without_a_secret_not_even_the_empty_keys_signature_is_accepted(secrets: list[str]) -> None:
    empty_key = "sha256=" + hmac.new(b"", EMPTY, hashlib.sha256).hexdigest()
    with pytest.raises(NotConfigured) as refused:
        meta.verify(EMPTY, empty_key, secrets)
    assert refused.value.status == 503


def test_an_empty_secret_beside_a_real_one_opens_nothing() -> None:
    with pytest.raises(BadSignature):
        meta.verify(EMPTY, sign(EMPTY, secret=""), ["", SECRET])


def test_the_handshake_returns_the_challenge() -> None:
    assert meta.verify_subscription(HANDSHAKE, "our-token") == "1158201444"


@pytest.mark.parametrize(
    "wrong",
    [
        {"hub.verify_token": "their-token"},
        {"hub.verify_token": ""},
        {"hub.verify_token": "our-tokeń"},
        {"hub.verify_token": "our-token\ud800"},
        {"hub.mode": "unsubscribe"},
        {"hub.challenge": ""},
        {"hub.challenge": "<script>"},
        {"hub.challenge": "1\n"},
        {"hub.challenge": "1" * 129},
    ],
)
def test_the_handshake_refuses_a_wrong_token_mode_or_challenge(wrong: dict[str, str]) -> None:
    with pytest.raises(Forbidden) as refused:
        meta.verify_subscription(HANDSHAKE | wrong, "our-token")
    assert refused.value.status == 403


@pytest.mark.parametrize("missing", list(HANDSHAKE))
def test_the_handshake_needs_all_three_parts(missing: str) -> None:
    with pytest.raises(Forbidden):
        meta.verify_subscription({k: v for k, v in HANDSHAKE.items() if k != missing}, "our-token")


def test_without_a_verify_token_no_handshake_succeeds() -> None:
    with pytest.raises(NotConfigured):
        meta.verify_subscription(HANDSHAKE | {"hub.verify_token": ""}, "")
