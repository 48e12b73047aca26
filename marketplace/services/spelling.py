"""A record as JSON: what `bot_templates.performance_data` holds. Amounts and ratios are text, and unknown is null."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from marketplace.records import Record, Tier, caveats, daily
from marketplace.records.evidence import counted
from marketplace.records.observed import utc
from marketplace.services.observing import Sight, Source

REPLAY: Final = "Replayed on invented prices: a demo, which says nothing about the strategy."
OTHER_SETUP: Final = "The bot is set up as no version of this template is."
_FINEST: Final = Decimal("0.000001")


def told(source: Source, sight: Sight, record: Record) -> dict[str, Any]:
    """All but what subscribers got, which is made apart."""
    figures, quality = record.figures, record.quality
    curve = daily(sight.observed)
    shows = quality.tells_return and bool(curve.growth)
    return {
        "tier": str(source.tier),
        "mode": source.mode,
        "is_replay": source.is_replay,
        "version": source.version,
        "since": utc(sight.observed.first_at).date().isoformat(),
        "until": utc(sight.observed.last_at).isoformat(),
        "ended": sight.ended,
        "currency": source.bot.stake_currency,
        "days": figures.days,
        "days_observed": figures.days_observed,
        "trades": figures.trades,
        "deleted_trades": figures.deleted_trades,
        "gaps": len(sight.gaps),
        "is_enough": quality.is_enough,
        "sentence": quality.sentence,
        "caveats": _caveats(source, sight, record),
        "return": _text(figures.total_return),
        "drawdown": _text(figures.drawdown.ratio if figures.drawdown else None),
        "win_rate": _text(figures.win_rate),
        "profit_factor": _text(figures.profit_factor),
        "fee_rate": _text(sight.fee_rate.quantize(_FINEST) if sight.fee_rate is not None else None),
        "hold_return": _text(figures.buy_and_hold),
        "best_day": _text(figures.best_day.ratio if figures.best_day else None),
        "worst_day": _text(figures.worst_day.ratio if figures.worst_day else None),
        "average_trade": _text(figures.average_ratio),
        "months": [[f"{month.year}-{month.month:02}", _text(month.ratio)] for month in figures.months],
        "curve": _series(curve.growth) if shows else None,
        "hold": _series(curve.held) if shows and curve.held else None,
    }


def _caveats(source: Source, sight: Sight, record: Record) -> list[str]:
    figures = record.figures
    found = []
    if source.is_replay:
        found.append(REPLAY)
    elif source.tier == Tier.RUN_BY_TRADEWISE and source.version is None:
        found.append(OTHER_SETUP)
    if sight.changes:
        times = counted(sight.changes, "time")
        found.append(
            f"The bot's parameters were changed {times} during the record, which goes on all the same."
        )
    found += caveats(
        unseen=figures.unseen,
        deleted_trades=figures.deleted_trades,
        refused=figures.skipped.refused,
    )
    if figures.return_words and figures.return_words != record.quality.sentence:
        found.append(figures.return_words)
    return found


def _series(levels: Sequence[Decimal | None]) -> str:
    """One text: an index over the column takes it for one value, however long the record is."""
    return " ".join("-" if level is None else _plain(level.quantize(_FINEST)) for level in levels)


def _text(ratio: Decimal | None) -> str | None:
    return None if ratio is None else _plain(ratio)


def _plain(value: Decimal) -> str:
    text = format(value, "f")
    return (text.rstrip("0").rstrip(".") or "0") if "." in text else text
