"""The client: one request to one bot, within every limit that a hostile server makes necessary."""

import asyncio
import json as jsonlib
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from socket import socket
from types import TracebackType
from typing import Final, Self

from tradewise.egress import configured
from tradewise.egress.allowlist import AllowList
from tradewise.egress.answers import Answer
from tradewise.egress.exchange import AddrInfo, OpenSocket, connect, exchange
from tradewise.egress.failures import EgressError, Failure
from tradewise.egress.reasons import TOO_LATE
from tradewise.egress.resolver import LOOKUP_SECONDS, Names, checked_addresses
from tradewise.egress.urls import Target, check_target

TOTAL_SECONDS: Final = 8.0
MOST_BODY_BYTES: Final = 65536

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
# Where an exchange wants the key to its API, and what signs a notification. All other headers are the client's own
# affair.
_EXTRA_HEADERS: Final = frozenset({"X-MBX-APIKEY", "webhook-id", "webhook-timestamp", "webhook-signature"})
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_HEADERS: Final = (
    "Accept: application/json\r\nAccept-Encoding: identity\r\nUser-Agent: TradeWise\r\nConnection: close\r\n"
)


@dataclass(frozen=True, slots=True)
class Response:
    """What a bot answered, a redirect or an error status included.

    `content_type` is the bare media type in lower case; `elapsed` is in seconds, from the dial (with the
    look-up of the name) to the last byte.
    """

    status: int
    content_type: str
    body: bytes
    elapsed: float


class Client:
    """An async context manager for a batch of calls, all in one event loop.

    At most `limit` calls are under way at once; the time limit of a call starts when its turn comes. Each call
    dials. Cookies, environment proxies, redirects and compressed answers do not exist here.

    `allow` and the certificate authorities default to the operator's settings; with an `allow` no setting is
    read. `nameservers` (`"host:port"`), `lookup_seconds` and `open_socket` (called only for a dial that was
    allowed) are for tests and benchmarks.
    """

    def __init__(
        self,
        *,
        allow: AllowList | None = None,
        limit: int = 200,
        ca_file: str | None = None,
        nameservers: Sequence[str] | None = None,
        lookup_seconds: float = LOOKUP_SECONDS,
        open_socket: OpenSocket | None = None,
    ) -> None:
        if allow is None:
            allow = configured.allow_list()
            ca_file = ca_file or configured.ca_file()
        self._allow = allow
        self._ca_file = ca_file
        self._turns = asyncio.Semaphore(limit)
        self._names = Names(nameservers, seconds=lookup_seconds)
        self._open_socket = open_socket or _open_socket

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._names.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        authorization: str | None = None,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        body: bytes | None = None,
        total: float = TOTAL_SECONDS,
        max_bytes: int = MOST_BODY_BYTES,
    ) -> Response:
        """Call a bot and read its answer, of at most `max_bytes` bytes, within `total` seconds of the dial.

        `url` may have a query. `authorization` is the whole value of that header; of others, `headers` may
        have X-MBX-APIKEY and those of a webhook alone. `body` is JSON that is ready, where its bytes are
        signed. Raises EgressError for every way in which there is no answer; OSError when this process has
        no socket left, which says nothing about the bot; ValueError for a method that is not one, and for a
        header that is not for callers to set.
        """
        if method not in _METHODS:
            raise ValueError("The method must be one of HTTP's, in capitals.")
        secrets = dict(headers or {})
        if not _EXTRA_HEADERS.issuperset(secrets):
            raise ValueError("This header is not for callers to set.")
        if authorization is not None:
            secrets["Authorization"] = authorization
        target = check_target(url, allow=self._allow)
        request = _request(method, target, secrets, json if body is None else body)
        answer = Answer(max_bytes, bare=method == "HEAD")
        async with self._turns:
            loop = asyncio.get_running_loop()
            start = loop.time()
            try:
                async with asyncio.timeout(total):
                    await self._call(target, request, answer)
            except TimeoutError:
                raise EgressError(Failure.TIMED_OUT, TOO_LATE) from None
            return Response(answer.status, answer.content_type, answer.body, loop.time() - start)

    async def _call(self, target: Target, request: bytes, answer: Answer) -> None:
        secure, allow = target.scheme == "https", self._allow
        if target.literal is not None:
            addresses = [target.host]
        else:
            addresses = await checked_addresses(
                self._names, target.host, target.port, secure=secure, allow=allow
            )
        opened = await connect(
            addresses, target.port, secure=secure, allow=allow, open_socket=self._open_socket
        )
        tls = _tls_context(self._ca_file) if secure else None
        await exchange(opened, request, answer, tls=tls, host=target.host)


def _open_socket(info: AddrInfo) -> socket:
    family, kind, protocol = info[:3]
    return socket(family, kind, protocol)


@lru_cache(maxsize=4)
def _tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Verifies, with TLS 1.2 or newer. The file adds to the system's authorities. Loading takes 20 ms."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    return context


def _request(method: str, target: Target, secrets: Mapping[str, str], json: object) -> bytes:
    """The bytes to send. Nothing in them can end a line early: the URL and all that varies are checked."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    if target.port != _DEFAULT_PORTS[target.scheme]:
        host = f"{host}:{target.port}"
    head = f"{method} {target.url.raw_path_qs} HTTP/1.1\r\nHost: {host}\r\n{_HEADERS}"
    for name, value in secrets.items():
        head += f"{name}: {_header_value(value)}\r\n"
    if json is None:
        if method not in ("GET", "HEAD"):
            head += "Content-Length: 0\r\n"
        return f"{head}\r\n".encode("ascii")
    body = json if isinstance(json, bytes) else jsonlib.dumps(json).encode()
    head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode("ascii") + body


def _header_value(value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        raise EgressError(Failure.MALFORMED, "The token has a character that cannot be sent.")
    return value
