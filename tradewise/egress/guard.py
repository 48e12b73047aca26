"""The one decision: may this address be dialled on this port?

It is asked three times, by the same function: about an address written in a URL, about every answer of the
name servers, and about the address that a socket is about to connect to. The last one is what counts: nothing
that a URL, a name server or the HTTP client does in between can go round it.
"""

from typing import Final

from tradewise.egress.addresses import Address, is_public, parse_address
from tradewise.egress.allowlist import HIGHEST_PORT, AllowList

_WEB_PORTS: Final = frozenset({80, 443})
_FIRST_USER_PORT: Final = 1024
# Unprivileged ports on which something else than a bot answers: databases, brokers, and cluster and
# container managers. A bot's server on one of them has to move.
_TAKEN_PORTS: Final = frozenset(
    {1433, 1521, 2049, 2375, 2376, 2379, 2380, 3306, 3389, 4369, 5432, 5672, 5900, 5984, 6000, 6379, 6443}
    | {8086, 8500, 9042, 9092, 9200, 9300, 10250, 10255, 11211, 15672, 25672, 26257, 27017, 27018, 50000}
)

PRIVATE: Final = (
    "TradeWise does not connect to private or reserved addresses. Use the bot's public https address, or ask "
    "the operator to allow this one."
)
USE_HTTPS: Final = (
    "Use https. Plain http is only for networks that the operator has allowed: over the internet anyone on "
    "the way could read the bot's password."
)


def is_public_port(port: int) -> bool:
    """Whether a bot on the public internet may listen on this port."""
    return port in _WEB_PORTS or (_FIRST_USER_PORT <= port <= HIGHEST_PORT and port not in _TAKEN_PORTS)


def port_refusal(port: int) -> str:
    """The sentence for a port that bots may not have."""
    return f"TradeWise does not connect to port {port}. Use 443, or a port from 1024 that no database has."


def refusal(address: Address | None, port: int, *, secure: bool, allow: AllowList) -> str | None:
    """Why this address must not be dialled, as a sentence; None when it may be.

    `secure` is whether TLS will be spoken. An address that could not be read is refused.
    """
    if address is None or allow.denies(address):
        return PRIVATE
    if allow.covers(address, port):
        return None
    if not is_public(address):
        return PRIVATE
    if not secure:
        return USE_HTTPS
    if not is_public_port(port):
        return port_refusal(port)
    return None


def dial_refusal(sockaddr: tuple[object, ...], *, secure: bool, allow: AllowList) -> str | None:
    """The same for a socket address, `(host, port)` or `(host, port, flow, scope)`; all else is refused."""
    if len(sockaddr) not in (2, 4) or not (isinstance(sockaddr[0], str) and isinstance(sockaddr[1], int)):
        return PRIVATE
    if len(sockaddr) == 4 and sockaddr[3] != 0:
        return PRIVATE
    return refusal(parse_address(sockaddr[0]), sockaddr[1], secure=secure, allow=allow)
