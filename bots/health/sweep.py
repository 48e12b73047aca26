"""One sweep: claim what is due, ask in two lanes, write back while it goes on, until nothing is due."""

import asyncio
import gc
import logging
import resource
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Self

import psycopg
from django.conf import settings
from psycopg import AsyncConnection

from bots.adapters.own import client_of_engines, port_range
from bots.health import queue, using
from bots.health.check import Checker, Outcome
from bots.health.lanes import Lanes
from bots.health.leased import Leased
from bots.health.writing import Pace, write_back
from tradewise.egress import Client
from tradewise.secrets import KeyTrouble, SecretsError, keyring

logger = logging.getLogger(__name__)

BATCH: Final = 2_000
"""Bots leased at once; what waits for a place is at most two of these."""
WRITE: Final = 500
"""Results written at once."""
WRITE_SECONDS: Final = 0.25
"""The longest that a result waits for others to be written with."""
CLAIM_SECONDS: Final = 0.5
"""The pause between two looks for what became due while a sweep goes on."""
PATIENCE: Final = 0.25
"""Seconds after which a check leaves the quick lane."""
MOST_SLOW: Final = 4_000
SPARE_FILES: Final = 64
RECONNECT_SECONDS: Final = 15.0


@dataclass(frozen=True, slots=True)
class Plan:
    """How a sweep is made; all times in seconds."""

    interval: int = 15
    figures_interval: int = 60
    timeout: float = 5.0
    concurrency: int = 200
    claim_for: float = 8.0
    """No bot is claimed later than this after the start: then mails and other ticks get their turn."""
    lease: int = queue.LEASE_SECONDS

    @classmethod
    def from_settings(cls) -> Self:
        return cls(
            interval=settings.BOT_CHECK_INTERVAL,
            figures_interval=settings.BOT_FIGURES_INTERVAL,
            timeout=settings.BOT_CHECK_TIMEOUT,
            concurrency=settings.BOT_CHECK_CONCURRENCY,
        )


@dataclass(slots=True)
class Report:
    """What a sweep did."""

    checked: int = 0
    written: int = 0
    working: int = 0
    figures: int = 0
    slow: int = 0
    unknown: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"checked={self.checked} written={self.written} working={self.working} figures={self.figures} "
            f"slow={self.slow} unknown={self.unknown} seconds={self.seconds:.2f}"
        )


def sweep(plan: Plan | None = None) -> Report:
    """Check every bot that is due. Sweeps may overlap: each leases what the others have not.

    Raises psycopg.OperationalError when the database stays away, KeyTrouble without a key that opens.
    """
    _require_key()
    started = time.monotonic()
    with _fewer_collections(), asyncio.Runner(loop_factory=_loop_factory()) as runner:
        report = runner.run(_Sweep(plan or Plan.from_settings()).run())
    report.seconds = time.monotonic() - started
    return report


@contextmanager
def _fewer_collections() -> Iterator[None]:
    """Nearly all that a sweep makes dies by its reference count; looking for cycles costs a tenth of it."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(20_000, 50, 50)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _loop_factory() -> Any:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _require_key() -> None:
    """A worker without the key must not tell every trader that the password is gone."""
    try:
        keyring.private_key(keyring.public_key().key_id)
    except SecretsError as error:
        raise KeyTrouble(f"No bot is checked: {error}") from None


@dataclass(slots=True)
class _Sweep:
    plan: Plan
    report: Report = field(default_factory=Report)
    # Statements of one connection take turns; a transaction is one turn.
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _connection: AsyncConnection[Any] | None = None
    _results: list[Outcome] = field(default_factory=list)

    async def run(self) -> Report:
        """Until nothing is due and nothing runs."""
        slow = room_for_slow(self.plan.concurrency)
        self._connection = await queue.connect()
        try:
            most = self.plan.concurrency + slow
            engines = client_of_engines(port_range(settings.BOT_PORTS), limit=most)
            async with Client(limit=most) as client, engines:
                checker = Checker(client, engines, self.plan.interval, self.plan.timeout, self._about_to_send)
                lanes = Lanes(checker.check, quick=self.plan.concurrency, slow=slow, patience=PATIENCE)
                try:
                    await self._go_on(lanes)
                finally:
                    await lanes.abandon()
                self.report.slow = lanes.slowed
        finally:
            await self._connection.close()
        return self.report

    async def _go_on(self, lanes: Lanes[Leased, Outcome]) -> None:
        loop = asyncio.get_running_loop()
        start = next_claim = loop.time()
        last_write = start
        while True:
            now = loop.time()
            may_claim = now - start < self.plan.claim_for
            if may_claim and now >= next_claim:
                got = await self._claim(lanes)
                next_claim = 0.0 if got else loop.time() + CLAIM_SECONDS
            self._results += lanes.take()
            if len(self._results) >= WRITE or (self._results and loop.time() - last_write >= WRITE_SECONDS):
                await self._write()
                last_write = loop.time()
            if lanes.is_idle:
                self._results += lanes.take()
                while self._results:
                    await self._write()
                if not may_claim or not await self._claim(lanes):
                    return
            # Claim again in good time: the quick lane must not run dry while there is work.
            await lanes.wait(WRITE_SECONDS, enough=WRITE)

    async def _claim(self, lanes: Lanes[Leased, Outcome]) -> bool:
        """Lease more if there is room; whether there may be still more."""
        more = False
        for failing, waiting, add in (
            (False, lanes.waiting, lanes.add),
            (True, lanes.suspects, lanes.add_suspects),
        ):
            if waiting >= BATCH:
                continue
            bots = await self._with_connection(self._claim_some, failing)
            self.report.checked += len(bots)
            add(bots)
            more = more or bool(bots)
        return more

    async def _claim_some(self, connection: AsyncConnection[Any], failing: bool) -> list[Leased]:
        bots = await queue.claim(connection, uuid.uuid4(), most=BATCH, failing=failing, lease=self.plan.lease)
        await using.note(connection, bots)
        return bots

    async def _about_to_send(self, bot: Leased) -> bool:
        async def note(connection: AsyncConnection[Any], bot: Leased) -> bool:
            assert bot.lease_token is not None
            return await queue.about_to_send(connection, bot.lease_token, bot)

        return bool(await self._with_connection(note, bot))

    async def _write(self) -> None:
        outcomes, self._results = self._results[:WRITE], self._results[WRITE:]
        self.report.working += sum(o.seen is not None and o.seen.state is not None for o in outcomes)
        self.report.figures += sum(o.reading is not None for o in outcomes)
        self.report.unknown += sum(o.seen is None for o in outcomes)
        for token, those in _by_lease(outcomes):
            await self._write_some(token, those)

    async def _write_some(self, token: uuid.UUID, outcomes: list[Outcome]) -> None:
        """What one bot says must not keep the others' results: a row that is refused is found by halving."""
        pace = Pace(self.plan.interval, self.plan.figures_interval)

        async def write(connection: AsyncConnection[Any], outcomes: list[Outcome]) -> int:
            return await write_back(connection, token, outcomes, pace)

        try:
            self.report.written += await self._with_connection(write, outcomes)
        except psycopg.errors.LockNotAvailable:
            await self._halve(token, outcomes, "a trader's request holds its row")
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            await self._halve(token, outcomes, f"the database refuses it ({type(error).__name__})")

    async def _halve(self, token: uuid.UUID, outcomes: list[Outcome], why: str) -> None:
        if len(outcomes) > 1:
            middle = len(outcomes) // 2
            await self._write_some(token, outcomes[:middle])
            await self._write_some(token, outcomes[middle:])
        else:
            # Its lease runs out, and it is checked again.
            logger.warning("a result was not written: %s bot=%s", why, outcomes[0].bot.bot_id)

    async def _with_connection(self, work: Any, *args: Any) -> Any:
        """Do it in one turn of the connection; anew on another one when the database went away."""
        deadline = time.monotonic() + RECONNECT_SECONDS
        async with self.turn:
            while True:
                try:
                    if self._connection is None or self._connection.closed:
                        self._connection = await queue.connect()
                    return await work(self._connection, *args)
                except psycopg.errors.LockNotAvailable:
                    raise
                except psycopg.OperationalError:
                    if time.monotonic() > deadline:
                        raise
                    await asyncio.sleep(0.5)


def _by_lease(outcomes: list[Outcome]) -> Iterator[tuple[uuid.UUID, list[Outcome]]]:
    """Together what was claimed together: mostly that is all of them."""
    found: dict[uuid.UUID, list[Outcome]] = {}
    for outcome in outcomes:
        assert outcome.bot.lease_token is not None
        found.setdefault(outcome.bot.lease_token, []).append(outcome)
    yield from found.items()


def room_for_slow(quick: int) -> int:
    """How wide the slow lane can be, after asking the system for as many open files as it gives."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = quick + MOST_SLOW + SPARE_FILES
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
            soft = limit
        except (OSError, ValueError):
            logger.warning("the limit of open files stays at %s", soft)
        wanted = min(wanted, soft)
    return max(1, wanted - quick - SPARE_FILES)
