"""Figures and trades as an adapter would give them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from bots.adapters import ClosedTrade, DayResult, Figures, OpenTrade

OPENED = datetime(2026, 11, 20, 9, tzinfo=UTC)


def figures(**known: Any) -> Figures:
    """A bot that began with 1,000 and has 1,012.50 now, with nothing open."""
    return Figures(
        **{
            "profit_all": Decimal("12.5"),
            "profit_closed": Decimal("12.5"),
            "closed_trades": 2,
            "winning": 2,
            "losing": 0,
            "starting_capital": Decimal(1000),
            "equity": Decimal("1012.5"),
            "open_trades": (),
            "max_open_trades": 3,
            "days": (),
            "stake_currency": "USDT",
            "rejected": None,
            **known,
        }
    )


def days(last: datetime, *profits: str | None) -> tuple[DayResult, ...]:
    """One result a day, up to that of `last`."""
    return tuple(
        DayResult(
            day=(last - timedelta(days=len(profits) - 1 - number)).date(),
            profit_abs=None if profit is None else Decimal(profit),
            trade_count=1,
            starting_balance=Decimal(1000),
        )
        for number, profit in enumerate(profits)
    )


def closed(trade_id: int, *, opened: datetime = OPENED, **known: Any) -> ClosedTrade:
    return ClosedTrade(
        **{
            "trade_id": trade_id,
            "pair": "BTC/USDT",
            "opened_at": opened,
            "closed_at": opened + timedelta(hours=1),
            "stake_amount": Decimal(100),
            "open_rate": Decimal("67479.56"),
            "close_rate": Decimal("67703.36"),
            "profit_abs": Decimal("0.13"),
            "profit_ratio": Decimal("0.0013"),
            "exit_reason": "roi",
            **known,
        }
    )


def held(trade_id: int) -> OpenTrade:
    return OpenTrade(
        trade_id=trade_id,
        pair="ETH/USDT",
        opened_at=OPENED,
        stake_amount=Decimal(100),
        open_rate=Decimal("3414.95"),
        current_rate=Decimal("3412.35"),
        profit_abs=Decimal("-0.27"),
        profit_ratio=Decimal("-0.0027"),
        is_short=False,
    )
