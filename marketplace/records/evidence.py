"""How far a record can be believed: its tier, whether there is enough of it, and what is wrong with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from enum import StrEnum
from typing import Final

# ——— the minimum: the reasons are in docs/records.md ———

RETURN_DAYS: Final = 7
"""Days observed from which on a return, a drawdown and a comparison are told at all."""
JUDGED_DAYS: Final = 30
"""Days observed from which on a record is enough to judge by."""
JUDGED_TRADES: Final = 20
"""Closed trades from which on a win rate and a profit factor are told, and a record is enough."""
MOST_UNSEEN: Final = Decimal("0.2")
"""The share of a record in which nothing was seen; with more it is not enough."""

MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
MODES: Final = {"dry_run": "dry run", "live": "real money", "simulated": "invented prices"}
"""What `bots.enums.Mode` means, as it is said of a record."""


class Tier(StrEnum):
    """Who saw what a record says, the best evidence first."""

    RUN_BY_TRADEWISE = "run_by_tradewise"
    """The engine ran here: nobody but TradeWise could touch it."""
    OBSERVED = "observed"
    """The author's own bot, asked by TradeWise: its owner could change it, so it is evidence, and no proof."""
    SELF_REPORTED = "self_reported"
    """Text of the author. It has no figures and is never drawn as a record."""


@dataclass(frozen=True, slots=True)
class Quality:
    """Whether there is enough data, said in a sentence, and which figures may be shown."""

    is_enough: bool
    sentence: str
    tells_return: bool
    tells_trades: bool


def tier_sentence(tier: Tier, since: date | None = None, mode: str = "") -> str:
    """The tier in words: "Run by TradeWise since 3 May 2026, dry run".

    `since` is a day of UTC; `mode` is a value of `bots.enums.Mode`, or empty where it is not known.
    """
    if tier == Tier.SELF_REPORTED:
        return "Self-reported: what the author says, and TradeWise has not seen"
    who = "Run" if tier == Tier.RUN_BY_TRADEWISE else "Observed"
    when = f"since {day_in_words(since)}" if since is not None else "and nothing seen yet"
    money = MODES.get(mode, "dry run or real money unknown")
    return f"{who} by TradeWise {when}, {money}"


def judge(days_observed: int, trades: int, unseen_share: Decimal) -> Quality:
    """Whether the record is enough to judge by: days of 24 hours observed, closed trades, share not seen."""
    short = []
    if days_observed < JUDGED_DAYS:
        short.append(f"{counted(days_observed, 'day')} observed of at least {JUDGED_DAYS}")
    if trades < JUDGED_TRADES:
        short.append(f"{counted(trades, 'closed trade')} of at least {JUDGED_TRADES}")
    if unseen_share > MOST_UNSEEN:
        allowed = _percent(MOST_UNSEEN)
        short.append(f"nothing seen for {_percent(unseen_share)} % of the time, of at most {allowed} %")
    if short:
        sentence = f"Not enough data: {_listed(short)}."
    else:
        sentence = (
            f"Enough data: {counted(days_observed, 'day')} observed, {counted(trades, 'closed trade')}."
        )
    return Quality(not short, sentence, days_observed >= RETURN_DAYS, trades >= JUDGED_TRADES)


def caveats(*, unseen: timedelta, deleted_trades: int, refused: int) -> tuple[str, ...]:
    """What a reader must know beside the figures, each a sentence; empty where there is nothing.

    `unseen` is the sum of the gaps: the whole days with them, less those without, tell a day too many or none.
    """
    found = []
    if unseen > timedelta(0):
        found.append(f"Nothing was seen for {in_days(unseen)} in all: the drawdown may have been greater.")
    if deleted_trades > 0:
        were, them = ("was", "it") if deleted_trades == 1 else ("were", "them")
        trades = counted(deleted_trades, "trade")
        found.append(
            f"{trades} {were} deleted from the bot after TradeWise saw {them}; the figures keep {them}."
        )
    if refused > 0:
        found.append(f"{counted(refused, 'reading')} could not be believed and did not count.")
    return tuple(found)


def day_in_words(day: date) -> str:
    """3 May 2026."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


def counted(count: int, noun: str) -> str:
    """1 day, 2 days, 0 days."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def in_days(length: timedelta) -> str:
    """2 days, more than 2 days, less than a day."""
    if not length.days:
        return "less than a day"
    whole = counted(length.days, "day")
    return whole if length == timedelta(length.days) else f"more than {whole}"


def _percent(share: Decimal) -> int:
    return int((share * 100).to_integral_value(ROUND_CEILING))


def _listed(parts: Sequence[str]) -> str:
    return " and ".join([", ".join(parts[:-1]), parts[-1]] if len(parts) > 1 else parts)
