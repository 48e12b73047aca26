"""Freqtrade over its REST API, from 2024.10 (API 2.40) on.

It has no long-lived token, so each call carries the user name and password as Basic; a wrong password is
never tried twice. Commands are asynchronous. Errors of the bot come as 502 with JSON: that bot is alive.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from bots.adapters import freqtrade_answers as answers
from bots.adapters import parsing, sentences
from bots.adapters.base import (
    AdapterError,
    ClosedTrade,
    Credentials,
    Figures,
    LoopSample,
    OpenTrade,
    Probe,
    Rejection,
)
from bots.enums import Command, HealthReason
from tradewise.egress import Client, EgressError, Failure, Response

STALE: Final = timedelta(minutes=3)
"""A loop that has not run for so long hangs; Freqtrade's own beat is 5 seconds."""
RECHECK_SECONDS: Final = 6.0
SMALL, LARGE = 64 * 1024, 2 * 1024 * 1024
BALANCE_SECONDS: Final = 20.0
PAGE: Final = 50
SHORT_PAGE: Final = 10
MOST_PAGES: Final = 20
LEAST_PAGES: Final = 5
"""Read forward even where it took many requests to find the first new trade: two are enough to reach it."""
DAYS: Final = 30
LOG_ROWS: Final = 100

_PATHS: Final = {
    Command.START: "start",
    Command.STOP: "stop",
    Command.PAUSE: "pause",
    Command.RELOAD: "reload_config",
}


@dataclass(frozen=True, slots=True)
class _Page:
    trades: tuple[ClosedTrade, ...]
    rows: int
    total: int

    def is_past(self, after: int) -> bool:
        """Whether no trade up to `after` is here: the first new one is not further on."""
        return not self.trades or self.trades[0].trade_id > after


class FreqtradeAdapter:
    """One bot. `url` is where its API is, with the path that a proxy may put before ``/api/v1``."""

    capabilities: frozenset[Command] = frozenset(Command)

    def __init__(
        self,
        client: Client,
        url: str,
        credentials: Credentials | None,
        *,
        seconds: float = 8.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        recheck_seconds: float = RECHECK_SECONDS,
    ) -> None:
        self._client = client
        self._base = url.rstrip("/").removesuffix("/api/v1") + "/api/v1/"
        self._credentials = credentials
        self._words = sentences.Words(url)
        self._seconds = seconds
        self._clock = clock
        self._recheck_seconds = recheck_seconds
        self._config: parsing.Fields | None = None
        self._loop_ran_at: datetime | None = None

    def __repr__(self) -> str:
        return "<FreqtradeAdapter>"

    async def probe(self, *, thorough: bool = False, last: LoopSample | None = None) -> Probe:
        """One `show_config`; a thorough probe asks a working bot also whether its loop still turns.

        `last` is what an earlier thorough probe saw. With it, a bot whose clock is wrong is not taken for
        a hanging one, nor the other way round; without it, a stale loop is looked at twice, 6 s apart.
        """
        try:
            response = await self._call("GET", "show_config")
            found = self._read_config(response)
        except AdapterError as error:
            return Probe(reason=error.reason, sentence=error.sentence, latency_ms=0)
        if thorough and found.reason in (HealthReason.OK, HealthReason.PAUSED):
            return await self._look_at_loop(found, last)
        return found

    async def figures(self, *, known_capital: Decimal | None = None) -> Figures:
        """`/profit`, `/status` and `/daily`; `/balance`, which is slow, only for a capital not known yet
        and while trades are open; after a thorough probe also `/logs`, which tells an outage of the exchange.

        Raises AdapterError.
        """
        config = self._config or answers.config_fields(
            await self._ask("show_config"), self._words, self._credentials
        )
        profit = parsing.fields(await self._ask("profit"))
        closed = answers.closed_count(profit)
        if closed is None:
            raise self._error(HealthReason.PROTOCOL)
        open_trades = await self._open_trades()
        daily = parsing.fields(await self._ask(f"daily?timescale={DAYS}", refused={}))
        capital, rejected = await self._capital(profit, open_trades, known_capital)
        profit_all = parsing.number(profit.get("profit_all_coin"))
        equity = None if capital is None or profit_all is None or rejected else capital + profit_all
        limit = parsing.whole(config.get("max_open_trades"))
        return Figures(
            profit_all=profit_all,
            profit_closed=parsing.number(profit.get("profit_closed_coin")),
            closed_trades=closed,
            winning=parsing.count(profit.get("winning_trades")),
            losing=parsing.count(profit.get("losing_trades")),
            starting_capital=capital,
            equity=equity,
            open_trades=open_trades,
            max_open_trades=limit if limit is not None and limit >= 0 else None,
            days=parsing.day_results(daily.get("data")),
            stake_currency=parsing.text(config.get("stake_currency")),
            rejected=rejected,
        )

    async def trades(self, after_trade_id: int) -> tuple[ClosedTrade, ...]:
        """At most 1,000 at a time, the lowest ids first: ask again after the last until none come.

        A trade may close after one with a higher id. So pass the lowest id that was open last time, less
        one, rather than the highest id seen, and expect to be told of some trades again.
        """
        try:
            return await self._trades_after(after_trade_id, PAGE)
        except _TooLargeError:
            # Trades with hundreds of orders: shorter pages, once.
            return await self._trades_after(after_trade_id, SHORT_PAGE)

    async def command(self, command: Command) -> None:
        """The bot acts at its next turn: look at its state afterwards. What is already so is no error.

        Two that surprise: PAUSE on a stopped bot starts it, paused; RELOAD puts a bot into its
        configured initial state and takes it off the network for some three seconds.
        """
        try:
            response = await self._call("POST", _PATHS[command])
        except AdapterError as error:
            if error.reason is HealthReason.TIMED_OUT:
                unsure = self._words.say(sentences.COMMAND_UNSURE, command=command)
                raise AdapterError(error.reason, unsure) from None
            raise
        trouble = answers.command_trouble(response, self._words, command)
        if trouble is not None:
            raise trouble

    def _read_config(self, response: Response) -> Probe:
        config = answers.config_fields(answers.read(response, self._words), self._words, self._credentials)
        self._config = config
        return answers.probe_of(config, self._words, latency_ms=round(response.elapsed * 1000))

    async def _look_at_loop(self, found: Probe, last: LoopSample | None) -> Probe:
        try:
            at = await self._last_process_at()
            if at is not None and last is None and self._is_stale(at):
                # Either the loop hangs or the two clocks differ: a loop that turns shows it in a moment.
                await asyncio.sleep(self._recheck_seconds)
                again = await self._last_process_at()
                hangs, at = again == at, again
            else:
                hangs = at is not None and last is not None and self._stands_still(at, last)
        except AdapterError as error:
            return replace(found, reason=error.reason, sentence=error.sentence)
        if not hangs:
            self._loop_ran_at = at
            return replace(found, last_process_at=at)
        sentence = self._words.about(HealthReason.HUNG, minutes=int(STALE.total_seconds() // 60))
        return replace(found, reason=HealthReason.HUNG, sentence=sentence, last_process_at=at)

    async def _exchange_is_gone(self) -> bool:
        """By the bot's log and clock; False where either is not to be had."""
        if self._loop_ran_at is None:
            return False
        try:
            logs = parsing.fields(await self._ask(f"logs?limit={LOG_ROWS}", refused={}))
        except AdapterError:
            return False
        return answers.exchange_is_gone(logs, self._loop_ran_at)

    def _is_stale(self, at: datetime) -> bool:
        return self._clock() - at > STALE

    def _stands_still(self, at: datetime, last: LoopSample) -> bool:
        if at != last.last_process_at:
            return False
        # By our clock alone where we have watched long enough, else by both.
        return self._clock() - last.seen_at > STALE or self._is_stale(at)

    async def _last_process_at(self) -> datetime | None:
        health = parsing.fields(await self._ask("health", refused={}))
        ticks = parsing.moment(health.get("last_process_ts"), unit=1)
        return ticks or parsing.moment_in_words(health.get("last_process"))

    async def _open_trades(self) -> tuple[OpenTrade, ...]:
        rows = await self._ask("status", max_bytes=LARGE, refused=[])
        if not isinstance(rows, list):
            raise self._error(HealthReason.PROTOCOL)
        trades = [parsing.open_trade(row) for row in rows]
        return tuple(sorted((t for t in trades if t is not None), key=lambda t: t.trade_id))

    async def _capital(
        self, profit: parsing.Fields, open_trades: tuple[OpenTrade, ...], known: Decimal | None
    ) -> tuple[Decimal | None, Rejection | None]:
        """The starting capital, and why the sample is not to be believed if it is not."""
        capital = answers.capital_from_profit(profit) or known
        rejected = answers.rejection(profit, open_trades)
        # Freqtrade keeps prices for five minutes and tickers for ten, in which only its log tells the outage.
        if rejected is None and await self._exchange_is_gone():
            rejected = Rejection.PRICES_MISSING
        # Where those are not kept, the balance shows it by valuing what is held at nothing.
        if rejected is None and (capital is None or open_trades):
            from_balance, rejected = await self._capital_from_balance(open_trades)
            if capital is not None and rejected is Rejection.CAPITAL_UNKNOWN:
                rejected = None
            capital = capital or from_balance
        return capital, rejected

    async def _capital_from_balance(
        self, open_trades: tuple[OpenTrade, ...]
    ) -> tuple[Decimal | None, Rejection | None]:
        try:
            balance = parsing.fields(await self._ask("balance", max_bytes=LARGE, total=BALANCE_SECONDS))
        except AdapterError as error:
            if error.reason is HealthReason.AUTH:
                raise
            return None, Rejection.CAPITAL_UNKNOWN
        capital = parsing.number(balance.get("starting_capital"))
        if capital is None or capital <= 0:
            return None, Rejection.CAPITAL_UNKNOWN
        return capital, answers.balance_rejection(balance, open_trades)

    async def _trades_after(self, after: int, size: int) -> tuple[ClosedTrade, ...]:
        """From the first new trade on, with `MOST_PAGES` requests, or where finding it took nearly as many, with
        `LEAST_PAGES` more: so that what a slow bot tells comes before the reading's time is over.
        """
        offset, page, asked = await self._page_of_first(after, size)
        found: dict[int, ClosedTrade] = {}
        for _ in range(max(MOST_PAGES - asked, LEAST_PAGES)):
            found.update((trade.trade_id, trade) for trade in page.trades if trade.trade_id > after)
            offset += page.rows
            if not page.rows or offset >= page.total:
                break
            page = await self._page(offset, size)
        return tuple(found[trade_id] for trade_id in sorted(found))

    async def _page_of_first(self, after: int, size: int) -> tuple[int, _Page, int]:
        """The offset and page where the first trade after `after` is, or the page just before it, and the requests.

        Pages are by position, the cursor by id: at most `after` trades come before the new ones, and fewer where
        ids have holes (trades whose entry was cancelled, and open ones). So step back in growing steps from
        where it is without holes, then halve the last step: one or two requests for most bots, no more than 25
        for a million trades, and 45 whatever a bot says. Trades that close meanwhile only move it further on.
        """
        offset, end, step, asked = max(0, after - size), after, size, 1
        page = await self._page(offset, size)
        while offset > 0 and page.is_past(after):
            end = min(offset, page.total)
            offset, step = max(0, end - step), step * 4
            page, asked = await self._page(offset, size), asked + 1
        while end - offset > page.rows and page.trades and page.trades[-1].trade_id <= after:
            middle = (offset + end) // 2
            there, asked = await self._page(middle, size), asked + 1
            if there.is_past(after):
                end = middle
            else:
                offset, page = middle, there
        return offset, page, asked

    async def _page(self, offset: int, size: int) -> _Page:
        answer = parsing.fields(
            await self._ask(f"trades?limit={size}&offset={offset}&order_by_id=true", max_bytes=LARGE)
        )
        rows = parsing.items(answer.get("trades"))[:size]
        total = parsing.count(answer.get("total_trades"))
        if "trades" not in answer:
            raise self._error(HealthReason.PROTOCOL)
        trades = [parsing.closed_trade(row) for row in rows]
        known = sorted((trade for trade in trades if trade is not None), key=lambda trade: trade.trade_id)
        return _Page(tuple(known), len(rows), offset + len(rows) if total is None else total)

    async def _ask(self, path: str, *, refused: object = None, **limits: Any) -> object:
        """The JSON of an answer; `refused`, if given, where the bot says that it cannot answer now."""
        response = await self._call("GET", path, **limits)
        if refused is not None and answers.is_refusal(response):
            return refused
        return answers.read(response, self._words)

    async def _call(
        self, method: str, path: str, *, max_bytes: int = SMALL, total: float = 0.0, json: object = None
    ) -> Response:
        if self._credentials is None:
            raise self._error(HealthReason.NEEDS_TOKEN)
        try:
            return await self._client.request(
                method,
                self._base + path,
                authorization=self._credentials.authorization,
                json=json,
                total=total or self._seconds,
                max_bytes=max_bytes,
            )
        except EgressError as error:
            sentence = self._words.no_answer(error)
            if error.failure is Failure.TOO_LARGE:
                raise _TooLargeError(HealthReason.PROTOCOL, sentence) from None
            raise AdapterError(HealthReason(error.failure.value), sentence) from None

    def _error(self, reason: HealthReason) -> AdapterError:
        return AdapterError(reason, self._words.about(reason))


class _TooLargeError(AdapterError):
    """More bytes than were asked for."""
