"""One connection, one question, one answer: opened to an address that was checked, and always closed."""

import asyncio
import os
import ssl
from collections.abc import Callable
from socket import AF_INET, AF_INET6, IPPROTO_TCP, SO_ERROR, SOCK_STREAM, SOL_SOCKET, socket
from typing import Final, cast

from tradewise.egress.allowlist import AllowList
from tradewise.egress.answers import Answer
from tradewise.egress.failures import EgressError, Failure
from tradewise.egress.guard import dial_refusal
from tradewise.egress.reasons import explain_dial, explain_exchange, explain_handshake

AddrInfo = tuple[int, int, int, str, tuple[object, ...]]
OpenSocket = Callable[[AddrInfo], socket]

ONE_OF_SEVERAL_SECONDS: Final = 1.0
"""The patience with an address of a name that has more of them."""


async def connect(
    addresses: list[str], port: int, *, secure: bool, allow: AllowList, open_socket: OpenSocket
) -> socket:
    """A connected socket to the first address that takes the call. Raises EgressError; OSError is about us.

    This is the dial that counts: the address is checked here, as the numbers that go to the kernel.
    """
    for address in addresses[:-1]:
        try:
            async with asyncio.timeout(ONE_OF_SEVERAL_SECONDS):
                return await _dial(address, port, secure=secure, allow=allow, open_socket=open_socket)
        except TimeoutError:
            continue
        except EgressError as error:
            if error.failure is Failure.FORBIDDEN:
                raise
    return await _dial(addresses[-1], port, secure=secure, allow=allow, open_socket=open_socket)


async def _dial(
    address: str, port: int, *, secure: bool, allow: AllowList, open_socket: OpenSocket
) -> socket:
    six = ":" in address
    target: tuple[object, ...] = (address, port, 0, 0) if six else (address, port)
    sentence = dial_refusal(target, secure=secure, allow=allow)
    if sentence is not None:
        raise EgressError(Failure.FORBIDDEN, sentence)
    try:
        opened = open_socket((AF_INET6 if six else AF_INET, SOCK_STREAM, IPPROTO_TCP, "", target))
        try:
            opened.setblocking(False)
            await _connect(opened, target)
        except BaseException:
            opened.close()
            raise
    except OSError as error:
        raise explain_dial(error) from None
    return opened


async def _connect(opened: socket, target: tuple[object, ...]) -> None:
    """The loops' own sock_connect may look names up again; here the numbers go to the kernel as they are."""
    try:
        opened.connect(target)
        return
    except BlockingIOError:
        pass
    loop = asyncio.get_running_loop()
    settled = loop.create_future()
    loop.add_writer(opened, _settle, settled)
    try:
        await settled
    finally:
        loop.remove_writer(opened)
    code = opened.getsockopt(SOL_SOCKET, SO_ERROR)
    if code:
        raise OSError(code, os.strerror(code))


def _settle(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


async def exchange(
    opened: socket, request: bytes, answer: Answer, *, tls: ssl.SSLContext | None, host: str
) -> None:
    """Send the request and read until the answer is complete. Raises EgressError; closes the connection."""
    loop = asyncio.get_running_loop()
    wire = _Wire(request, answer, loop.create_future())
    try:
        if tls is None:
            await loop.create_connection(lambda: wire, sock=opened)
        else:
            await loop.create_connection(lambda: wire, sock=opened, ssl=tls, server_hostname=host)
    except OSError as error:
        opened.close()
        raise (explain_exchange if tls is None else explain_handshake)(error) from None
    try:
        await wire.done
    finally:
        # Not a polite end: what a hostile server does with that could keep a socket for half a minute.
        wire.transport.abort()


class _Wire(asyncio.Protocol):
    transport: asyncio.Transport

    __slots__ = ("_answer", "_request", "done", "transport")

    def __init__(self, request: bytes, answer: Answer, done: asyncio.Future[None]) -> None:
        self._request = request
        self._answer = answer
        self.done = done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self.done.done():
            return
        try:
            self._answer.feed(data)
        except EgressError as error:
            self._fail(error)
        else:
            if self._answer.complete:
                self.done.set_result(None)

    def eof_received(self) -> None:
        if not self.done.done():
            self._end()

    def connection_lost(self, error: Exception | None) -> None:
        if self.done.done():
            return
        if error is None:
            self._end()
        else:
            self._fail(explain_exchange(error))

    def _end(self) -> None:
        try:
            self._answer.end()
        except EgressError as error:
            self._fail(error)
        else:
            self.done.set_result(None)

    def _fail(self, error: EgressError | OSError) -> None:
        self.done.set_exception(error)
        self.transport.abort()
