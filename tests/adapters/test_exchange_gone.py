"""Freqtrade keeps its prices while the exchange is away; its log tells the outage at once."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from bots.adapters.freqtrade_answers import TRIES, exchange_is_gone

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TOLD = 'fetch_l2_order_book() returned exception: "Could not get order book due to OperationFailed."'


def row(seconds_ago: float, logger: str = "freqtrade.exchange.common", told: str = TOLD) -> list[object]:
    at = NOW - timedelta(seconds=seconds_ago)
    return [f"{at:%F %T}", Decimal(int(at.timestamp() * 1000)), logger, "WARNING", told]


def test_a_call_that_failed_at_every_try_tells_it() -> None:
    assert exchange_is_gone({"logs": [row(second) for second in range(TRIES)]}, NOW)


@pytest.mark.parametrize(
    "logs",
    [
        [row(second) for second in range(TRIES - 1)],
        [row(600 + second) for second in range(50)],
        [row(1, logger="freqtrade.worker") for _ in range(50)],
        [row(1, told="Bot heartbeat") for _ in range(50)],
        [],
        ["text", [], [1, 2], {}, None, [None] * 5, ["a", float("nan"), "b", "c", "d"]],
        None,
        "text",
        {"logs": 1},
    ],
)
def test_anything_else_tells_nothing(logs: object) -> None:
    assert not exchange_is_gone({"logs": logs}, NOW)
