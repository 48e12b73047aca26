"""A small real HTTP server that plays a bot, and an adapter that reaches it through the real door."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from bots.adapters import Credentials
from bots.adapters.freqtrade import FreqtradeAdapter
from tradewise.egress import AllowList, Client

Talk = Callable[[FreqtradeAdapter], Awaitable[Any]]


class PlayedBot:
    """Answers by path: what `json()` can write, text, bytes, a (status, answer) pair, or a function."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.asked: list[str] = []
        self.headers: list[str] = []
        self.port = 0
        self.url = ""

    def talk(self, talk: Talk, *, token: str | None = "tester:s3cret-canary", **options: Any) -> Any:
        """Runs `talk` with an adapter, with this bot listening on a port of its own."""
        return asyncio.run(self._talk(talk, token, options))

    async def _talk(self, talk: Talk, token: str | None, options: dict[str, Any]) -> Any:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._answer)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            self.port = runner.addresses[0][1]
            self.url = f"http://127.0.0.1:{self.port}"
            credentials = None if token is None else Credentials.parse(token)
            async with Client(allow=AllowList.parse(f"127.0.0.1/32:{self.port}")) as client:
                address = self.url + options.pop("path", "")
                return await talk(FreqtradeAdapter(client, address, credentials, **options))
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.path_qs}")
        self.headers.append(request.headers.get("Authorization", ""))
        answer = self.answers.get(request.path.rpartition("/api/v1/")[2], (404, {"detail": "Not Found"}))
        if callable(answer):
            answer = answer(request)
        status, answer = answer if isinstance(answer, tuple) else (200, answer)
        if isinstance(answer, bytes):
            return web.Response(status=status, body=answer, content_type="application/json")
        if isinstance(answer, str):
            headers = {"Location": "https://elsewhere.example/"} if 300 <= status < 400 else None
            return web.Response(status=status, text=answer, content_type="text/html", headers=headers)
        return web.Response(status=status, text=json.dumps(answer), content_type="application/json")


@pytest.fixture
def bot() -> PlayedBot:
    return PlayedBot()
