"""Servers on loopback for these tests: one that counts, ones that misbehave, and a name server."""

import asyncio
import ipaddress
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

Table = Mapping[str, Sequence[Sequence[str]]]
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Canary:
    """Answers properly and remembers: connections, and the heads of the requests."""

    def __init__(self, answer: bytes = OK) -> None:
        self.answer = answer
        self.connections = 0
        self.heads: list[bytes] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                self.heads.append(await reader.readuntil(b"\r\n\r\n"))
                writer.write(self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass


@asynccontextmanager
async def serving(
    handler: Handler, host: str = "127.0.0.1", port: int = 0, **options: Any
) -> AsyncIterator[int]:
    """Serve on loopback while the block runs; gives the port."""
    tasks: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.close()

    server = await asyncio.start_server(handle, host, port, **options)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.sleep(0)


class NameServer(asyncio.DatagramProtocol):
    """Answers A and AAAA from a table of lists; each further question for a name gets the next list."""

    SILENT = "silent"
    BROKEN = "broken"

    def __init__(self, table: Table) -> None:
        self.table = table
        self.asked: Counter[tuple[str, int]] = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        labels, at = [], 12
        while data[at]:
            labels.append(data[at + 1 : at + 1 + data[at]].decode())
            at += data[at] + 1
        question, kind = data[12 : at + 5], struct.unpack(">H", data[at + 1 : at + 3])[0]
        name = ".".join(labels).lower()
        turns = self.table.get(name)
        turn = None if turns is None else turns[min(self.asked[name, kind], len(turns) - 1)]
        self.asked[name, kind] += 1
        if turn == self.SILENT:
            return
        code = 3 if turn is None else 2 if turn == self.BROKEN else 0
        addresses = [ipaddress.ip_address(a) for a in turn] if turn and not isinstance(turn, str) else []
        wanted = [a for a in addresses if a.version == (4 if kind == 1 else 6) and kind in (1, 28)]
        head = data[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(wanted), 0, 0)
        records = b"".join(
            b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(a.packed)) + a.packed for a in wanted
        )
        self.transport.sendto(head + question + records, address)  # type: ignore[attr-defined]


@asynccontextmanager
async def naming(table: Table) -> AsyncIterator[list[str]]:
    """A name server on loopback; gives what `Client(nameservers=…)` wants."""
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: NameServer(table), local_addr=("127.0.0.1", 0)
    )
    try:
        yield [f"127.0.0.1:{transport.get_extra_info('sockname')[1]}"]
    finally:
        transport.close()


class Dials:
    """Stands where sockets are opened: remembers what would be dialled, and opens only loopback ones."""

    def __init__(self) -> None:
        self.addresses: list[tuple[object, ...]] = []

    def __call__(self, info: tuple[int, int, int, str, tuple[object, ...]]) -> socket.socket:
        self.addresses.append(info[4])
        if not str(info[4][0]).startswith("127.") and info[4][0] != "::1":
            raise OSError(101, "Network is unreachable")
        return socket.socket(*info[:3])
