"""Reading what a bot sent: nothing is believed, everything may be missing.

Limits come first (bytes at the egress client, depth here), numbers become Decimal, and whatever is not a
number that can be stored becomes None.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from bots.adapters.base import ClosedTrade, DayResult, OpenTrade

DEEPEST: Final = 20
LONGEST_NUMBER: Final = 40
LARGEST: Final = Decimal(10) ** 15
SMALLEST_EXPONENT: Final = -20
LARGEST_ID: Final = 2**63 - 1
LONGEST_TEXT: Final = 100
EARLIEST: Final = datetime(2009, 1, 3, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)

_BRACKETS: Final = re.compile(rb"[\[\]{}]")
_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_NUMBER: Final = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d{1,3})?", re.ASCII)

Fields = Mapping[str, Any]


class UnreadableError(ValueError):
    """Not JSON, or JSON of a kind that no bot sends."""


def decode(body: bytes) -> object:
    """The JSON value in `body`, with Decimal for fractions. Raises UnreadableError, quoting nothing."""
    if _is_deep(body):
        raise UnreadableError("nested too deeply")
    try:
        return _DECODER.decode(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise UnreadableError("not JSON") from None


def fields(value: object) -> Fields:
    """The members of a JSON object; none of anything else."""
    return value if isinstance(value, dict) else {}


def items(value: object) -> list[object]:
    """The elements of a JSON array; none of anything else."""
    return value if isinstance(value, list) else []


def number(value: object) -> Decimal | None:
    """A finite number below 10**15, from a number or a text such as "100"; "unlimited" is None."""
    if isinstance(value, str):
        value = value.strip()
        if len(value) > LONGEST_NUMBER or not _NUMBER.fullmatch(value):
            return None
        value = _fraction(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = Decimal(value)
    if not isinstance(value, Decimal) or not value.is_finite() or abs(value) >= LARGEST:
        return None
    return Decimal(0) if value and value.adjusted() < SMALLEST_EXPONENT else value


def whole(value: object) -> int | None:
    """A whole number; 3.0 is 3."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if abs(value) <= LARGEST_ID else None
    parsed = number(value)
    return int(parsed) if parsed is not None and parsed == parsed.to_integral_value() else None


def count(value: object) -> int | None:
    """A whole number that is not negative."""
    parsed = whole(value)
    return parsed if parsed is not None and parsed >= 0 else None


def identifier(value: object) -> int | None:
    """A whole number above 0 that a column holds."""
    parsed = whole(value)
    return parsed if parsed is not None and 0 < parsed <= LARGEST_ID else None


def text(value: object) -> str | None:
    """Printable text of at most 100 characters; None when there is nothing to read."""
    if not isinstance(value, str):
        return None
    if len(value) <= LONGEST_TEXT and value.isprintable():
        return value.strip() or None
    cleaned = "".join(c for c in value[: 4 * LONGEST_TEXT] if c.isprintable()).strip()
    return cleaned[:LONGEST_TEXT].rstrip() or None


def truth(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def moment(value: object, *, unit: int = 1000) -> datetime | None:
    """From a timestamp with `unit` ticks a second (1000: milliseconds), if it is between 2009 and 2200."""
    parsed = number(value)
    if parsed is None:
        return None
    try:
        read = datetime.fromtimestamp(float(parsed / unit), tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return read if EARLIEST <= read <= LATEST else None


def moment_in_words(value: object) -> datetime | None:
    """From ISO 8601 or `2026-11-23 06:22:41`; without a zone it is UTC."""
    if not isinstance(value, str) or len(value) > LONGEST_NUMBER:
        return None
    try:
        read = datetime.fromisoformat(value)
    except ValueError:
        return None
    read = read.replace(tzinfo=UTC) if read.tzinfo is None else read
    return read.astimezone(UTC) if EARLIEST <= read <= LATEST else None


def day(value: object) -> date | None:
    """From `2026-11-23`."""
    read = moment_in_words(value)
    return None if read is None else read.date()


def open_trade(value: object) -> OpenTrade | None:
    """None for what has no id or pair."""
    trade = fields(value)
    trade_id, pair = identifier(trade.get("trade_id")), text(trade.get("pair"))
    if trade_id is None or pair is None:
        return None
    return OpenTrade(
        trade_id=trade_id,
        pair=pair,
        opened_at=moment(trade.get("open_timestamp")) or moment_in_words(trade.get("open_date")),
        stake_amount=number(trade.get("stake_amount")),
        open_rate=number(trade.get("open_rate")),
        current_rate=number(trade.get("current_rate")),
        profit_abs=number(trade.get("profit_abs")),
        profit_ratio=number(trade.get("profit_ratio")),
        is_short=trade.get("is_short") is True,
    )


def closed_trade(value: object) -> ClosedTrade | None:
    """None for what has no id or pair, or is still open."""
    trade = fields(value)
    trade_id, pair = identifier(trade.get("trade_id")), text(trade.get("pair"))
    if trade_id is None or pair is None or trade.get("is_open") is True:
        return None
    turnover, fees = _turnover_and_fees(trade)
    return ClosedTrade(
        trade_id=trade_id,
        pair=pair,
        opened_at=moment(trade.get("open_timestamp")) or moment_in_words(trade.get("open_date")),
        closed_at=moment(trade.get("close_timestamp")) or moment_in_words(trade.get("close_date")),
        stake_amount=number(trade.get("stake_amount")),
        open_rate=number(trade.get("open_rate")),
        close_rate=number(trade.get("close_rate")),
        profit_abs=_first(trade, "close_profit_abs", "profit_abs"),
        profit_ratio=_first(trade, "close_profit", "profit_ratio"),
        exit_reason=text(trade.get("exit_reason")) or text(trade.get("sell_reason")) or "",
        turnover=turnover,
        fees=fees,
    )


def _turnover_and_fees(trade: Fields) -> tuple[Decimal | None, Decimal | None]:
    """What its orders came to, and what of that the exchange took; None where one of them does not say.

    As Freqtrade reckons a profit: the rate of entries on each entry, that of exits on each exit. `fee_open_cost` and
    `fee_close_cost` hold only one order of each side.
    """
    rates = {True: number(trade.get("fee_open")), False: number(trade.get("fee_close"))}
    turnover = fees = Decimal(0)
    for item in items(trade.get("orders")):
        order = fields(item)
        filled, is_entry = number(order.get("filled")), order.get("ft_is_entry")
        if filled == 0:
            continue
        # An average that is not known is 0 in Freqtrade's words; `safe_price` is what it reckons with itself.
        price, rate = number(order.get("safe_price")), rates.get(is_entry is True)
        if filled is None or price is None or rate is None or not isinstance(is_entry, bool):
            return None, None
        if filled < 0 or price <= 0 or abs(rate) >= 1:
            return None, None
        turnover += filled * price
        fees += filled * price * rate
    if not 0 < turnover < LARGEST:
        return None, None
    return turnover, fees


def day_results(value: object) -> tuple[DayResult, ...]:
    """Oldest first, each day once, without what has no date."""
    results: dict[date, DayResult] = {}
    for item in items(value):
        row = fields(item)
        when = day(row.get("date"))
        if when is not None:
            results[when] = DayResult(
                day=when,
                profit_abs=number(row.get("abs_profit")),
                trade_count=count(row.get("trade_count")),
                starting_balance=number(row.get("starting_balance")),
            )
    return tuple(results[when] for when in sorted(results))


def _first(row: Fields, *names: str) -> Decimal | None:
    return next((read for name in names if (read := number(row.get(name))) is not None), None)


def _is_deep(body: bytes) -> bool:
    # Most answers have fewer brackets than the limit, so that the scan is rarely needed.
    if body.count(b"{") + body.count(b"[") <= DEEPEST:
        return False
    depth = 0
    for bracket in _BRACKETS.findall(_STRINGS.sub(b"", body)):
        depth += 1 if bracket in b"[{" else -1
        if depth > DEEPEST:
            return True
    return False


def _fraction(written: str) -> Decimal | None:
    if len(written) > LONGEST_NUMBER:
        return None
    try:
        return Decimal(written)
    except InvalidOperation:
        return None


def _whole(written: str) -> int | None:
    return int(written) if len(written) <= LONGEST_NUMBER else None


def _nothing(_constant: str) -> None:
    """NaN and the infinities: a bot's way to say that it does not know."""


# Made once: json.loads would make one for every answer.
_DECODER: Final = json.JSONDecoder(parse_float=_fraction, parse_int=_whole, parse_constant=_nothing)
