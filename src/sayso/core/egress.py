"""Where a request of ours may go: public addresses, and private ones only where somebody declared them.

A webhook's address is data that an operator typed, and DNS answers what its owner likes (OWASP: server-side request
forgery). So the question is asked of the address that is connected to, after the name was resolved, never of the name.
The networks are those of the IANA special-purpose registries (RFC 6890 and its updates); what is not listed in IPv6's
global unicast block is refused.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Final

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def _all(*texts: str) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


#: Refused whatever is declared: this network, multicast, and where clouds hand out credentials.
NEVER: Final = _all("0.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32", "169.254.169.254/32", "100.100.100.200/32",
                    "::/128", "ff00::/8", "fd00:ec2::254/128")
#: Not public; a declared network may lie in them.
PRIVATE: Final = _all(
    "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
    "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15",
    "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
    "2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20",
)
#: All of IPv6 that is given out to the public (IANA IPv6 address space).
PUBLIC_6: Final = ipaddress.IPv6Network("2000::/3")
#: RFC 6052: an IPv4 address inside an IPv6 one, for networks that have no IPv4.
NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


def refused(text: str, allowed: Iterable[str] = ()) -> bool:
    """True if nothing of ours may connect to this address. What cannot be read as one is refused."""
    try:
        return not _fine(_plain(ipaddress.ip_address(text.partition("%")[0])),
                         [ipaddress.ip_network(network) for network in allowed])
    except ValueError:
        return True


def loopback(text: str) -> bool:
    """True if the address is this machine."""
    try:
        return _plain(ipaddress.ip_address(text.partition("%")[0])).is_loopback
    except ValueError:
        return False


def _plain(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return address.ipv4_mapped
        if address in NAT64:
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def _fine(address: Address, allowed: list[Network]) -> bool:
    if _in(address, NEVER):
        return False
    if _in(address, allowed):
        return True
    if _in(address, PRIVATE):
        return False
    return isinstance(address, ipaddress.IPv4Address) or address in PUBLIC_6


def _in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == network.version and address in network for network in networks)
