"""Where a request came from, believed no further than the proxies that settings name."""

import ipaddress
import re
from functools import lru_cache

from django.conf import settings
from django.http import HttpRequest

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
LONGEST_USER_AGENT = 512


def client_address(request: HttpRequest) -> str:
    """The client's IP address; empty where the server does not know it (a unix socket).

    The header counts only when the peer is one of `TRUSTED_PROXIES` (CIDRs). Then it is the
    `TRUSTED_PROXY_COUNT`-th entry from the right: everything left of it was written by the client. What
    is no address falls back to the peer.
    """
    peer = _parse(request.META.get("REMOTE_ADDR", ""))
    proxies = _networks(tuple(settings.TRUSTED_PROXIES))
    count = settings.TRUSTED_PROXY_COUNT
    # A peer without an address came by a unix socket, which a proxy on this machine alone can reach.
    if count > 0 and (peer is None or any(peer in network for network in proxies)):
        entries = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
        if len(entries) >= count and (claimed := _parse(entries[-count])) is not None:
            return str(claimed)
    return str(peer) if peer is not None else ""


def user_agent(request: HttpRequest) -> str:
    """What the browser calls itself, without control characters, at most 512 characters."""
    return CONTROLS.sub("", request.META.get("HTTP_USER_AGENT", ""))[:LONGEST_USER_AGENT]


def _parse(text: str) -> Address | None:
    """An address with or without port and zone, or None."""
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


@lru_cache(maxsize=8)
def _networks(cidrs: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(cidr, strict=False) for cidr in cidrs)
