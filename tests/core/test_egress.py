"""Where a request of ours may go: every kind of address that is not public is refused, however it is spelt."""

from __future__ import annotations

import pytest

from sayso.core import egress

#: Addresses of the documentation and of private, local and special networks; each is refused.
BAD = (
    "127.0.0.1", "127.255.0.1", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1",
    "100.64.0.1", "100.127.255.255", "169.254.0.1", "169.254.169.254", "192.0.0.8", "192.0.2.1", "198.18.0.1",
    "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255", "100.100.100.200",
    "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
    "2001::1", "2002:7f00:1::", "3fff::1", "64:ff9b:1::1", "100::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:a9fe:a9fe", "64:ff9b::127.0.0.1", "64:ff9b::a9fe:a9fe", "::127.0.0.1", "5f00::1",
    "", "localhost", "1.2.3", "0x7f.1", "2130706433", "127.1", "010.0.0.1",
)  # fmt: skip
GOOD = ("1.1.1.1", "8.8.8.8", "93.184.216.34", "172.15.255.255", "172.32.0.1", "100.63.255.255", "2606:4700::1111",
        "2a00:1450:4001::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8")


@pytest.mark.parametrize("address", BAD)
def test_nothing_connects_to_an_address_that_is_not_public(address: str) -> None:
    assert egress.refused(address)


@pytest.mark.parametrize("address", GOOD)
def test_public_addresses_can_be_reached(address: str) -> None:
    assert not egress.refused(address)


def test_a_declared_network_lets_in_itself_and_nothing_else() -> None:
    allowed = ("10.1.0.0/16", "fd12:3456::/32")
    for address in ("10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "fd12:3456::9"):
        assert not egress.refused(address, allowed), address
    for address in ("10.2.0.1", "127.0.0.1", "fd12:3457::9", "::1"):
        assert egress.refused(address, allowed), address


def test_whatever_is_declared_no_cloud_hands_out_its_credentials() -> None:
    allowed = ("0.0.0.0/0", "::/0")
    for address in ("169.254.169.254", "fd00:ec2::254", "::ffff:169.254.169.254", "0.0.0.0", "224.0.0.1", "ff02::1"):
        assert egress.refused(address, allowed), address
    assert egress.refused("10.0.0.1", ("no network",))
