"""Which addresses belong to the public internet: an explicit table.

`ipaddress.is_private` and `is_global` are not used on purpose: what they say differs between Python
versions, and they let through shared address space, metadata services, multicast and the forms that
carry an IPv4 address inside an IPv6 one. The tables follow the special-purpose registries of IANA
(RFC 6890 and its updates) and add the cloud endpoints that live outside them.
"""

import socket
from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Final, NamedTuple

Network = IPv4Network | IPv6Network


class Address(NamedTuple):
    """An IP address as a number. A v4-mapped IPv6 address is the IPv4 address that it stands for."""

    bits: int
    value: int


# The largest part of the IPv4 space is public: list what isn't.
_SPECIAL_V4: Final = (
    "0.0.0.0/8",  # this network; 0.0.0.0 reaches the machine itself
    "10.0.0.0/8",
    "100.64.0.0/10",  # shared address space; holds the metadata service of Alibaba Cloud
    "127.0.0.0/8",
    "168.63.129.16/32",  # Azure's wire server: a public address that only answers from inside
    "169.254.0.0/16",  # link-local, with the metadata service of most clouds
    "172.16.0.0/12",
    "192.0.0.0/24",  # IETF protocol assignments; holds the metadata service of Oracle Cloud
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",  # 6to4 relays
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
# Only 2000::/3 is public in IPv6: whatever is not listed here is refused, NAT64 (64:ff9b::/96), unique local,
# site-local and v4-compatible addresses among it.
_PUBLIC_V6: Final = "2000::/3"
_SPECIAL_V6: Final = (
    "2001::/23",  # IETF protocol assignments: Teredo, ORCHID, benchmarking
    "2001:db8::/32",
    "2002::/16",  # 6to4 carries any IPv4 address
    "2620:4f:8000::/48",
    "3ffe::/16",
    "3fff::/20",
)
# What no operator can allow: it is never a bot, and much of it hands out credentials.
_NEVER: Final = (
    "0.0.0.0/8",
    "100.100.100.200/32",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "192.0.0.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/128",
    "::/96",  # v4-compatible, without ::1 (see `is_never`)
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "2001::/32",
    "2002::/16",
    "fd00:ec2::254/128",  # metadata service of AWS over IPv6
    "fd20:ce::254/128",  # metadata service of Google Cloud over IPv6
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
)
_V6_LOOPBACK: Final = Address(128, 1)


class _Ranges:
    """Disjoint ranges of numbers, searched by bisection (a dial asks a few of these)."""

    def __init__(self, networks: Iterable[Network]) -> None:
        spans: list[list[int]] = []
        for first, last in sorted((int(n.network_address), int(n.broadcast_address)) for n in networks):
            if spans and first <= spans[-1][1] + 1:
                spans[-1][1] = max(spans[-1][1], last)
            else:
                spans.append([first, last])
        self._firsts = [first for first, _ in spans]
        self._lasts = [last for _, last in spans]

    def __contains__(self, value: int) -> bool:
        index = bisect_right(self._firsts, value) - 1
        return index >= 0 and value <= self._lasts[index]


def _ranges(cidrs: Iterable[str]) -> dict[int, _Ranges]:
    networks = [ip_network(cidr) for cidr in cidrs]
    return {bits: _Ranges(n for n in networks if n.max_prefixlen == bits) for bits in (32, 128)}


_SPECIAL: Final = _ranges((*_SPECIAL_V4, *_SPECIAL_V6))
_PUBLIC: Final = _ranges(("0.0.0.0/0", _PUBLIC_V6))
_FORBIDDEN_FOR_ALL: Final = _ranges(_NEVER)


def parse_address(text: str) -> Address | None:
    """The address that `text` writes in its one canonical IPv4 form or in any IPv6 form, else None.

    Octal, hexadecimal, decimal and shortened IPv4 forms are not addresses here, nor is a zone index.
    """
    try:
        if ":" not in text:
            value = int.from_bytes(socket.inet_pton(socket.AF_INET, text))
            return Address(32, value)
        value = int.from_bytes(socket.inet_pton(socket.AF_INET6, text))
    except (OSError, ValueError):
        return None
    if value >> 32 == 0xFFFF:
        return Address(32, value & 0xFFFFFFFF)
    return Address(128, value)


def is_public(address: Address) -> bool:
    """Whether the address is ordinary public unicast, by the tables above."""
    bits, value = address
    return value in _PUBLIC[bits] and value not in _SPECIAL[bits]


def is_never(address: Address) -> bool:
    """Whether the address stays forbidden whatever an operator allows."""
    return address != _V6_LOOPBACK and address.value in _FORBIDDEN_FOR_ALL[address.bits]


def is_loopback(address: Address) -> bool:
    """Whether the address is this machine's own."""
    bits, value = address
    return value >> 24 == 127 if bits == 32 else value == 1
