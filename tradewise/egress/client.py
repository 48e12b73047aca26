"""The client: one request to one bot, within every limit that a hostile server makes necessary."""

import asyncio
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from socket import socket
from types import TracebackType
from typing import Final, Self

import aiohttp

from tradewise.egress import configured
from tradewise.egress.allowlist import AllowList
from tradewise.egress.failures import EgressError, Failure
from tradewise.egress.guard import dial_refusal
from tradewise.egress.reasons import DialRefusedError, explain
from tradewise.egress.resolver import LOOKUP_SECONDS, CheckedResolver, Names
from tradewise.egress.urls import check_target

AddrInfo = tuple[int, int, int, str, tuple[object, ...]]

TOTAL_SECONDS: Final = 8.0
MOST_BODY_BYTES: Final = 65536
_LONGEST_HEADER: Final = 8190
_MOST_HEADERS: Final = 128
_LONGEST_CONTENT_TYPE: Final = 100

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_HEADERS: Final = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "TradeWise"}
# The time limit of a call is one timer of ours around everything, so aiohttp sets none.
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, sock_connect=None)


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

    At most `limit` calls are under way at once; the time limit of a call starts when its turn comes. With
    `keep_alive` a connection is used again for the next call to the same origin; without it each call dials.
    Cookies, environment proxies, redirects and compressed answers do not exist here.

    `allow` and the certificate authorities default to the operator's settings; with an `allow` no setting is
    read. `nameservers` (`"host:port"`), `lookup_seconds` and `open_socket` (called only for a dial that was
    allowed) are for tests and benchmarks.
    """

    def __init__(
        self,
        *,
        allow: AllowList | None = None,
        limit: int = 200,
        keep_alive: bool = False,
        ca_file: str | None = None,
        nameservers: Sequence[str] | None = None,
        lookup_seconds: float = LOOKUP_SECONDS,
        open_socket: Callable[[AddrInfo], socket] | None = None,
    ) -> None:
        if allow is None:
            allow = configured.allow_list()
            ca_file = ca_file or configured.ca_file()
        self._allow = allow
        self._ca_file = ca_file
        self._keep_alive = keep_alive
        self._turns = asyncio.Semaphore(limit)
        self._names = Names(nameservers, seconds=lookup_seconds)
        self._open_socket = open_socket or _open_socket
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()
        await self._names.close()

    async def request(
        self,
        method: str,
        url: str,
        *,
        authorization: str | None = None,
        json: object = None,
        total: float = TOTAL_SECONDS,
        max_bytes: int = MOST_BODY_BYTES,
    ) -> Response:
        """Call a bot and read its answer, of at most `max_bytes` bytes, within `total` seconds of the dial.

        `url` may have a query. `authorization` is the whole value of that header. Raises EgressError for
        every way in which there is no answer; OSError when this process has no socket left, which
        says nothing about the bot; ValueError for a method that is not one.
        """
        if method not in _METHODS:
            raise ValueError("The method must be one of HTTP's, in capitals.")
        target = check_target(url, allow=self._allow)
        headers = None if authorization is None else {"Authorization": _header_value(authorization)}
        secure = target.scheme == "https"
        session = self._sessions.get(secure) or self._open_session(secure=secure)
        async with self._turns:
            loop = asyncio.get_running_loop()
            start = loop.time()
            try:
                async with asyncio.timeout(total):
                    answer = await session.request(
                        method, target, headers=headers, json=json, allow_redirects=False
                    )
                    try:
                        body = await _read_body(answer, max_bytes)
                    except BaseException:
                        answer.close()
                        raise
            except (aiohttp.ClientError, OSError) as error:
                # The exceptions of aiohttp carry URL and headers: they end here.
                raise explain(error, secure=secure) from None
            return Response(answer.status, _content_type(answer), body, loop.time() - start)

    def _open_session(self, *, secure: bool) -> aiohttp.ClientSession:
        """One session for http and one for https, as what may be dialled differs between them."""

        def guarded_socket(info: AddrInfo) -> socket:
            sentence = dial_refusal(info[4], secure=secure, allow=self._allow)
            if sentence is not None:
                raise DialRefusedError(sentence)
            return self._open_socket(info)

        connector = aiohttp.TCPConnector(
            resolver=CheckedResolver(self._names, secure=secure, allow=self._allow),
            socket_factory=guarded_socket,
            ssl=_tls_context(self._ca_file) if secure else True,
            use_dns_cache=False,
            limit=0,
            force_close=not self._keep_alive,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            headers=_HEADERS,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_NO_TIMEOUT,
            trust_env=False,
            auto_decompress=False,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
            max_headers=_MOST_HEADERS,
        )
        # Without this a bot that hangs up on us is dialled a second time; only a connection that was kept can
        # be stale. aiohttp has no public name for it.
        session._retry_connection = self._keep_alive
        self._sessions[secure] = session
        return session


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


async def _read_body(answer: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    encoding = answer.headers.get("Content-Encoding")
    if encoding is not None and encoding.strip().lower() != "identity":
        raise EgressError(Failure.PROTOCOL, "The answer is compressed, which was not asked for.")
    content = answer.content
    body = b""
    while not content.at_eof():
        body += await content.readany()
        if len(body) > max_bytes:
            raise EgressError(Failure.TOO_LARGE, "The answer is larger than any that a bot gives.")
    return body


def _content_type(answer: aiohttp.ClientResponse) -> str:
    return answer.content_type[:_LONGEST_CONTENT_TYPE]


def _header_value(value: str) -> str:
    if not (value.isascii() and value.isprintable()):
        raise EgressError(Failure.MALFORMED, "The token has a character that cannot be sent.")
    return value
