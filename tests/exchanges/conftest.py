"""A small real HTTP server that plays an exchange as badly as is wanted."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from bots.exchanges import client_for
from tradewise.egress import Client


class PlayedExchange:
    """Answers by path: what `json` can write, bytes, a (status, answer) pair, or a function of the query."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        self.keys: list[str | None] = []
        self.url = ""

    def answer(self, path: str, key: str | None) -> tuple[int, bytes]:
        """What is sent for a request."""
        self.asked.append(path)
        self.keys.append(key)
        url = urlsplit(path)
        answer = self.answers.get(url.path, (404, {"code": -1000, "msg": "?"}))
        if callable(answer):
            answer = answer({name: values[0] for name, values in parse_qs(url.query).items()})
        status, answer = answer if isinstance(answer, tuple) else (200, answer)
        return status, answer if isinstance(answer, bytes) else json.dumps(answer).encode()


@pytest.fixture
def played() -> Iterator[PlayedExchange]:
    exchange = PlayedExchange()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = exchange.answer(self.path, self.headers.get("X-MBX-APIKEY"))
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        exchange.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield exchange
        server.shutdown()
        thread.join()


@pytest.fixture
def asking() -> Callable[..., Any]:
    """Runs one question with a client for the exchange: `asking(binance.markets, url, pairs)`."""

    def ask(question: Callable[..., Any], url: str, *arguments: Any, **options: Any) -> Any:
        async def run() -> Any:
            async with client_for(url, simulated=True) as client:
                assert isinstance(client, Client)
                return await question(client, url, *arguments, **options)

        return asyncio.run(run())

    return ask
