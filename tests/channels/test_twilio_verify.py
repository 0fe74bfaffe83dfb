"""Is this webhook Twilio's: both signature schemes, on the address as configured, checked against the real package."""

from __future__ import annotations

import base64
import hashlib
import hmac

import httpx
import pytest

from sayso.channels import twilio
from sayso.channels.base import Channel
from sayso.channels.twilio import Algorithm, urls_of
from sayso.errors import BadSignature, BodyTooLarge, MalformedBody, NotConfigured
from tests.texting import HOOK, PUBLIC, TOKEN, RequestValidator, form, signature

#: Vectors computed elsewhere.
VECTOR_URL = "https://example.org/hooks/twilio?t=1"
VECTOR = {"Body": "STOP", "From": "whatsapp:+15551230001", "MessageSid": "SM00000000000000000000000000000001",
          "WaId": "15551230001"}
SHA1, SHA256 = "qpjZkEU1sLSs6nCSr8HlP+L4pL0=", "tVpj9fdaH3bOs3DGlxUWIf1yNp/6vNklMPTW81ugiLk="
SHA1_WITH_AN_EMPTY_VALUE = "vFQJINM2QTbPl9YWT2rPKCksboI="

PARAMS = VECTOR | {"Body": "Bäckerei & Söhne + 5 % ✋", "Unknown": "", "To": "whatsapp:+447700900100"}
URL = PUBLIC + HOOK
URLS = urls_of(PUBLIC, HOOK)


def accepts(raw: bytes, header: str | None, secrets: list[str], urls: tuple[str, ...] = URLS,
            algorithm: Algorithm = "HMAC_SHA1") -> bool:
    try:
        twilio.verify(raw, header, secrets, urls=urls, algorithm=algorithm)
    except BadSignature:
        return False
    return True


def test_the_module_is_a_channel() -> None:
    channel: Channel[httpx.Client] = twilio
    assert len(channel.parse(form(**VECTOR))) == 1


def test_it_accepts_vectors_computed_elsewhere_in_both_schemes() -> None:
    urls = urls_of("https://example.org", "/hooks/twilio", "t=1")
    assert accepts(form(**VECTOR), SHA1, ["12345"], urls)
    assert accepts(form(**VECTOR), SHA256, ["12345"], urls, "HMAC_SHA256")
    assert accepts(form(**VECTOR, ButtonPayload=""), SHA1_WITH_AN_EMPTY_VALUE, ["12345"], urls)
    assert not accepts(form(**VECTOR, ButtonPayload=""), SHA1, ["12345"], urls)


@pytest.mark.parametrize("algorithm", ["HMAC_SHA1", "HMAC_SHA256"])
def test_it_agrees_with_the_real_package(algorithm: Algorithm) -> None:
    signed = signature(PARAMS, algorithm=algorithm)
    for params, url in ((PARAMS, URL), (PARAMS | {"Body": "JOIN"}, URL), (PARAMS, URL + "?x=1"), (PARAMS, URL + "/")):
        real = bool(RequestValidator(TOKEN).validate(url, params, signed, algorithm))
        ours = accepts(form(**params), signed, [TOKEN], (url,), algorithm)
        assert (ours, real) == (url == URL and params == PARAMS, ours)


def test_a_weaker_signature_than_the_configured_one_is_refused_whatever_the_header_says() -> None:
    weak = signature(PARAMS, algorithm="HMAC_SHA1")
    for header in ("", "algorithm=HMAC_SHA1", "key=webhooks_sharedkey_1,algorithm=HMAC_SHA1"):
        with pytest.raises(BadSignature):
            twilio.verify(form(**PARAMS), weak, [TOKEN], urls=URLS, algorithm="HMAC_SHA256", settings_header=header)
    with pytest.raises(BadSignature, match="shared key, so a signature with the auth token"):
        twilio.verify(form(**PARAMS), weak, [TOKEN], urls=URLS, algorithm="HMAC_SHA256")


def test_a_shared_key_nobody_configured_is_refused_with_what_to_do() -> None:
    signed = signature(PARAMS, algorithm="HMAC_SHA256")
    with pytest.raises(BadSignature, match="set shared_key"):
        twilio.verify(form(**PARAMS), signed, [TOKEN], urls=URLS,
                      settings_header="key=webhooks_sharedkey_1,algorithm=HMAC_SHA256")


@pytest.mark.parametrize("secrets", [["new", TOKEN], [TOKEN, "new"], ["", TOKEN]])
def test_it_accepts_either_secret_while_one_is_being_replaced(secrets: list[str]) -> None:
    assert accepts(form(**PARAMS), signature(PARAMS), secrets)


@pytest.mark.parametrize("header", [None, "", "x", SHA1, signature(PARAMS)[:-1], signature(PARAMS) + "\n",
                                    signature(PARAMS, token="another"), signature(PARAMS, token=""), "é" * 28])
def test_it_refuses_a_signature_that_is_missing_cut_or_wrong(header: str | None) -> None:
    assert not accepts(form(**PARAMS), header, [TOKEN])


@pytest.mark.parametrize(("secrets", "urls"), [([], URLS), ([""], URLS), ([TOKEN], ())])
def test_without_a_secret_or_an_address_nothing_is_accepted(secrets: list[str], urls: tuple[str, ...]) -> None:
    signed = base64.b64encode(hmac.digest(b"", URL.encode(), "sha1")).decode()
    with pytest.raises(NotConfigured) as refused:
        twilio.verify(b"", signed, secrets, urls=urls)
    assert refused.value.status == 503


@pytest.mark.parametrize(("configured", "called"), [
    ("https://sayso.example.com", "https://sayso.example.com:443/h?a=1"),
    ("https://sayso.example.com:443", "https://sayso.example.com/h?a=1"),
    ("https://sayso.example.com/", "https://sayso.example.com/h?a=1"),
    ("https://sayso.example.com/behind", "https://sayso.example.com/behind/h?a=1"),
    ("https://sayso.example.com:8443", "https://sayso.example.com:8443/h?a=1"),
    ("http://127.0.0.1", "http://127.0.0.1:80/h?a=1"),
    ("http://[::1]:8080", "http://[::1]:8080/h?a=1"),
])
def test_the_standard_port_may_be_named_or_not(configured: str, called: str) -> None:
    assert accepts(form(**PARAMS), signature(PARAMS, called), [TOKEN], urls_of(configured, "/h", "a=1"))


@pytest.mark.parametrize("called", ["https://sayso.example.com:8443/h", "http://sayso.example.com/h",
                                    "https://evil.example/h", "https://sayso.example.com/h?a=2"])
def test_another_address_than_the_configured_one_is_refused(called: str) -> None:
    assert not accepts(form(**PARAMS), signature(PARAMS, called), [TOKEN], urls_of("https://sayso.example.com", "/h"))


def test_repeated_names_are_signed_sorted_and_once() -> None:
    class Many(dict[str, list[str]]):
        def getall(self, name: str) -> list[str]:
            return self[name]

    many = Many({"Body": ["STOP"], "MediaUrl": ["b", "a", "b"], "Empty": [""]})
    signed = RequestValidator(TOKEN).compute_signature(URL, many)
    raw = b"MediaUrl=b&Body=STOP&MediaUrl=a&Empty=&MediaUrl=b"
    assert accepts(raw, signed, [TOKEN])
    assert not accepts(raw + b"&MediaUrl=c", signed, [TOKEN])


def test_a_json_body_is_held_by_its_hash_in_the_signed_address() -> None:
    raw = b'{"EventType": "onMessageAdded"}'
    query = f"bodySHA256={hashlib.sha256(raw).hexdigest()}"
    url, urls = f"{URL}?{query}", urls_of(PUBLIC, HOOK, query)
    signed = signature({}, url)
    assert RequestValidator(TOKEN).validate(url, raw.decode(), signed)
    assert accepts(raw, signed, [TOKEN], urls)
    assert not accepts(raw + b" ", signed, [TOKEN], urls)
    assert not accepts(raw, signature({}), [TOKEN])  # signed, and no hash: anybody's body


@pytest.mark.parametrize("raw", [b"Body=%FF", "Body=é".encode(), b"\xff\xfe"])
def test_what_is_no_form_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedBody):
        twilio.verify(raw, "x", [TOKEN], urls=URLS)


def test_too_many_parameters_are_refused_before_they_are_read() -> None:
    with pytest.raises(BodyTooLarge):
        twilio.verify(b"&".join(b"a=1" for _ in range(twilio.MAX_FIELDS + 1)), "x", [TOKEN], urls=URLS)
