"""One sweep: lease what is due, ask all of it at once, write back while the rest still answers.

Two lanes keep slow bots from delaying quick ones: a check that has not ended within half a second gives its
place to the next and goes on beside; a bot that failed last time starts there. So a thousand hanging
bots cost one timeout together and not one each.
"""

import asyncio
import logging
import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final, TypeVar

import uvloop
from django.conf import settings
from django.db import connection

from bots.health import queue
from bots.health.checking import check, failed
from bots.health.leased import Leased
from bots.health.queue import Result
from tradewise.egress import Client
from tradewise.secrets import SecretsError

log = logging.getLogger(__name__)
T = TypeVar("T")

#: Seconds after which a check leaves the quick lane, and how many may be beside it at once.
QUICK_SECONDS: Final = 0.5
MOST_SLOW: Final = 2000
#: Results written in one statement, and the seconds after which fewer are written too.
WRITTEN_AT_ONCE: Final = 500
WRITE_SECONDS: Final = 0.25
#: Seconds for which a sweep takes on more; then the next tick goes on, and others get their turn.
TAKE_ON_SECONDS: Final = 10.0
CLAIMED_AT_ONCE: Final = 1000


@dataclass(slots=True)
class Report:
    """What a sweep did."""

    claimed: int = 0
    written: int = 0
    down: int = 0
    seconds: float = 0.0


def sweep() -> Report:
    """Check every bot that is due. Returns what was done; raises when the database is away."""
    _allow_sockets(settings.BOT_CHECK_CONCURRENCY + MOST_SLOW + 200)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        report = runner.run(_Sweep().run())
    if report.claimed:
        log.info(
            "swept claimed=%d written=%d down=%d seconds=%.2f",
            report.claimed,
            report.written,
            report.down,
            report.seconds,
        )
    return report


def _allow_sockets(wanted: int) -> None:
    """Raise the limit of open files towards what the sweep may need, as far as this process may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def _close_connection() -> None:
    """Of the thread that calls this: `connection` stands for another one in each thread."""
    connection.close()


class _Sweep:
    """The state of one sweep, in one event loop. The database is asked in a thread of its own."""

    def __init__(self) -> None:
        self.report = Report()
        self.quick = asyncio.Semaphore(settings.BOT_CHECK_CONCURRENCY)
        self.slow = asyncio.Semaphore(MOST_SLOW)
        self.waiting = 0
        self.tasks: set[asyncio.Task[None]] = set()
        self.results: list[Result] = []
        self.news = asyncio.Event()
        self.trouble: BaseException | None = None
        self.database = ThreadPoolExecutor(1, thread_name_prefix="sweep-database")

    async def run(self) -> Report:
        began = time.monotonic()
        try:
            async with Client(limit=settings.BOT_CHECK_CONCURRENCY + MOST_SLOW) as client:
                try:
                    await self._loop(client, began)
                finally:
                    for task in self.tasks:
                        task.cancel()
                    await asyncio.gather(*self.tasks, return_exceptions=True)
        finally:
            await self._ask(_close_connection)
            self.database.shutdown()
        self.report.seconds = time.monotonic() - began
        return self.report

    async def _loop(self, client: Client, began: float) -> None:
        more = True
        written_at = began
        while True:
            now = time.monotonic()
            more = more and now - began < TAKE_ON_SECONDS
            if more and self.waiting < settings.BOT_CHECK_CONCURRENCY:
                more = await self._take_on(client)
            idle = not self.tasks
            if self.results and (
                idle or len(self.results) >= WRITTEN_AT_ONCE or now - written_at >= WRITE_SECONDS
            ):
                await self._write()
                written_at = time.monotonic()
            if self.trouble is not None:
                raise self.trouble
            if idle and not self.results and not more:
                return
            self.news.clear()
            if not (idle and (more or self.results)):
                await self._wait_for_news()

    async def _wait_for_news(self) -> None:
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                await self.news.wait()
        except TimeoutError:
            pass

    async def _take_on(self, client: Client) -> bool:
        """Lease more; whether there may be still more."""
        leased = await self._ask(lambda: queue.claim(CLAIMED_AT_ONCE))
        self.report.claimed += len(leased)
        for was in leased:
            self.waiting += 1
            task = asyncio.create_task(self._one(client, was))
            self.tasks.add(task)
            task.add_done_callback(self._ended)
        return len(leased) == CLAIMED_AT_ONCE

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        # Wake the loop where it has something to do, not for each bot.
        if len(self.results) >= WRITTEN_AT_ONCE or not self.tasks or self.trouble is not None:
            self.news.set()

    async def _one(self, client: Client, was: Leased) -> None:
        lane = _Lane(self.quick, self.slow)
        await (lane.enter_slow() if was.failures else lane.enter_quick())
        self.waiting -= 1
        if self.waiting == settings.BOT_CHECK_CONCURRENCY - 1:
            self.news.set()
        try:
            self.results.append(await check(client, was, self._mark_sent))
        except (SecretsError, OSError) as error:
            # Ours, not the bot's: no key, no socket. The leases end by themselves.
            self.trouble = error
        except Exception:
            log.exception("the check of bot %s broke", was.bot_id)
            self.results.append(failed(was))
        finally:
            lane.leave()

    async def _mark_sent(self, was: Leased) -> bool:
        return await self._ask(lambda: queue.mark_sent(was))

    async def _write(self) -> None:
        batch, self.results = self.results[:WRITTEN_AT_ONCE], self.results[WRITTEN_AT_ONCE:]
        self.report.written += await self._ask(lambda: queue.write_back(batch))
        self.report.down += sum(result.verdict.failures > 0 for result in batch)

    async def _ask(self, question: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.database, question)


class _Lane:
    """Where a check is: in the quick lane, or beside it."""

    __slots__ = ("_held", "_quick", "_slow", "_timer")

    def __init__(self, quick: asyncio.Semaphore, slow: asyncio.Semaphore) -> None:
        self._quick, self._slow = quick, slow
        self._held: asyncio.Semaphore | None = None
        self._timer: asyncio.TimerHandle | None = None

    async def enter_quick(self) -> None:
        await self._quick.acquire()
        self._held = self._quick
        self._timer = asyncio.get_running_loop().call_later(QUICK_SECONDS, self._move)

    async def enter_slow(self) -> None:
        await self._slow.acquire()
        self._held = self._slow

    def _move(self) -> None:
        """Give the quick place to the next one, if there is room beside; else look again later."""
        self._timer = None
        if self._slow.locked():
            self._timer = asyncio.get_running_loop().call_later(QUICK_SECONDS, self._move)
            return
        # Not locked: the place is taken at once, without waiting.
        self._slow._value -= 1
        self._held = self._slow
        self._quick.release()

    def leave(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._held is not None:
            self._held.release()
            self._held = None
