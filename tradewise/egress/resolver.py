"""Names, looked up by c-ares: no thread pool, and no answer that was not checked.

`getaddrinfo` runs in the default thread pool and cannot be cancelled: a dozen names with a stalling name
server would keep every other bot waiting. c-ares takes a socket per question and a time limit.
"""

import socket
from collections.abc import Sequence
from typing import Final

import aiodns

from tradewise.egress.addresses import parse_address
from tradewise.egress.allowlist import AllowList
from tradewise.egress.failures import EgressError, Failure
from tradewise.egress.guard import refusal

LOOKUP_SECONDS: Final = 2.0

_NOT_FOUND: Final = frozenset(
    {aiodns.error.ARES_ENOTFOUND, aiodns.error.ARES_ENODATA, aiodns.error.ARES_EBADNAME}
)
_NAME_NOT_FOUND: Final = "No address is known for this name. Is it spelt correctly?"


class Names:
    """The name servers, shared by all connections of a client; opened when the first name is asked for.

    Must be used within one running event loop. Answers are never kept by us; c-ares may repeat an answer
    within its TTL, and every answer is checked again.
    """

    def __init__(self, nameservers: Sequence[str] | None = None, *, seconds: float = LOOKUP_SECONDS) -> None:
        self._nameservers = nameservers
        self._seconds = seconds
        self._resolver: aiodns.DNSResolver | None = None

    async def addresses(self, host: str, port: int) -> list[str]:
        """All addresses of a name, at least one; raises EgressError."""
        if self._resolver is None:
            self._resolver = aiodns.DNSResolver(self._nameservers, timeout=self._seconds, tries=1)
        try:
            answer = await self._resolver.getaddrinfo(
                host, port=port, family=socket.AF_UNSPEC, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
            )
        except aiodns.error.DNSError as error:
            raise _lookup_error(error.args[0] if error.args else None) from None
        addresses = []
        for node in answer.nodes:
            text, scope = node.addr[0], node.addr[3] if len(node.addr) > 3 else 0
            text = text.decode("ascii", "replace") if isinstance(text, bytes) else text
            # A scope only belongs to a link-local address. Spelt out, it fails the check that follows.
            addresses.append(f"{text}%{scope}" if scope else text)
        if not addresses:
            raise EgressError(Failure.NAME_NOT_FOUND, _NAME_NOT_FOUND)
        return addresses

    async def close(self) -> None:
        """Give the sockets back."""
        if self._resolver is not None:
            await self._resolver.close()
            self._resolver = None


async def checked_addresses(
    names: Names, host: str, port: int, *, secure: bool, allow: AllowList
) -> list[str]:
    """The addresses of a name, or not one of them: one bad answer rejects the name. Raises EgressError."""
    addresses = await names.addresses(host, port)
    for address in addresses:
        sentence = refusal(parse_address(address), port, secure=secure, allow=allow)
        if sentence is not None:
            raise EgressError(Failure.FORBIDDEN, sentence)
    return addresses


def _lookup_error(code: int | None) -> EgressError:
    if code in _NOT_FOUND:
        return EgressError(Failure.NAME_NOT_FOUND, _NAME_NOT_FOUND)
    if code == aiodns.error.ARES_ETIMEOUT:
        return EgressError(Failure.TIMED_OUT, "The name servers did not say in time where this name is.")
    return EgressError(Failure.UNREACHABLE, "The name servers could not say where this name is.")
