"""The equity of one bot over time, as few points as a screen can show and no more exact than it was seen.

Equity is in the bot's stake currency. A drawdown is the fall below the highest equity seen before it within
the range, as a ratio from 0 to 1 of that high. It is reckoned over every sample before the samples are
thinned out, so that a short fall is not lost between two points.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple

from django.conf import settings
from django.db import connection

from bots.models import Bot
from bots.queries import first_whole_day
from tradewise.tenancy.context import current_tenant_id

MOST_POINTS: Final = 500
DAY: Final = 86400

#: For each range that ends now: its length and the width of the window of one point, in seconds.
REACHES: Final = {"day": (DAY, 300), "week": (7 * DAY, 1800), "month": (30 * DAY, 7200)}
#: Widths for the whole of a short life, in seconds.
WIDTHS: Final = (60, 300, 900, 1800, 3600, 7200)
#: What the wish for no more than this many windows leaves room for, at the ends and for a day begun.
WINDOWS: Final = MOST_POINTS - 20


class Point(NamedTuple):
    """Equity at a moment, in seconds since 1970; None where nothing is known of that stretch."""

    time: int
    equity: Decimal | None = None
    drawdown: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """Oldest point first; `width` is the seconds that one point stands for."""

    points: list[Point]
    width: int


# The window function sees every sample; the grouping comes after it.
SAMPLES: Final = """
SELECT floor(extract(epoch FROM max(taken_at)))::bigint, (array_agg(equity ORDER BY taken_at DESC, id DESC))[1],
    max(least((peak - equity) / peak, 1)) FILTER (WHERE peak > 0)
FROM (
    SELECT id, taken_at, equity, max(equity) OVER (ORDER BY taken_at, id) AS peak,
        floor(extract(epoch FROM taken_at) / %(width)s) AS bin
    FROM bot_samples
    WHERE tenant_id = %(tenant)s AND bot_id = %(bot)s AND taken_at >= %(since)s AND taken_at <= %(now)s
        AND equity <> 'NaN'
) AS sample GROUP BY bin ORDER BY bin"""

# Of one day the high may have come after the low, so the low is measured against the days before alone.
DAYS: Final = """
SELECT max(at), (array_agg(equity_close ORDER BY at DESC))[1],
    max(least(greatest((before - low) / nullif(before, 0), (peak - equity_close) / peak), 1))
        FILTER (WHERE peak > 0)
FROM (
    SELECT (day - DATE '1970-01-01')::bigint * 86400 AS at, equity_close,
        least(equity_low, equity_close) AS low,
        max(greatest(equity_high, equity_close)) OVER (ORDER BY day) AS peak,
        max(greatest(equity_high, equity_close))
            OVER (ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM bot_days
    WHERE tenant_id = %(tenant)s AND bot_id = %(bot)s AND day >= %(since)s AND equity_close <> 'NaN'
) AS result GROUP BY at / %(width)s ORDER BY 1"""

FIRST_DAY: Final = """
SELECT min(day) FROM bot_days
WHERE tenant_id = %(tenant)s AND bot_id = %(bot)s AND equity_close <> 'NaN'"""


def equity_curve(bot: Bot, reach: str, now: datetime) -> Curve:
    """The curve of a range: "day", "week", "month" or "all". At most `MOST_POINTS` points, gaps included."""
    kept = settings.BOT_SAMPLE_RETENTION_DAYS * DAY
    if reach in REACHES:
        length, width = REACHES[reach]
    else:
        length = _age(bot, now)
        width = next((width for width in WIDTHS if length <= width * WINDOWS), 0)
    if width and length <= kept:
        return _from_samples(bot, now - timedelta(seconds=length), now, width)
    return _from_days(bot, length, now)


def _age(bot: Bot, now: datetime) -> int:
    """Seconds from the first day with an equity, or a new record, until now; a day where there is none."""
    if bot.record_since is not None:
        return max(int((now - bot.record_since).total_seconds()), DAY)
    rows = _rows(FIRST_DAY, bot)
    first: date | None = rows[0][0]
    if first is None:
        return DAY
    return max(int((now - datetime.combine(first, datetime.min.time(), UTC)).total_seconds()), DAY)


def _from_samples(bot: Bot, since: datetime, now: datetime, width: int) -> Curve:
    if bot.record_since is not None:
        since = max(since, bot.record_since)
    found = _rows(SAMPLES, bot, since=since, now=now, width=width)
    most = 3 * max(width, settings.BOT_FIGURES_INTERVAL)
    return Curve(_with_gaps((Point(*row) for row in found), width, most, int(now.timestamp())), width)


def _from_days(bot: Bot, length: int, now: datetime) -> Curve:
    """One point a day; of a long life every second day, third day and so on."""
    width = DAY * -(-length // (DAY * WINDOWS))
    since = (now - timedelta(seconds=length)).astimezone(UTC).date()
    if bot.record_since is not None:
        since = max(since, first_whole_day(bot.record_since))
    found = _rows(DAYS, bot, since=since, width=width)
    return Curve(_with_gaps((Point(*row) for row in found), width, 3 * width, int(now.timestamp())), width)


def _with_gaps(points: Iterable[Point], width: int, most: int, until: int) -> list[Point]:
    """Put an empty point into every window of a stretch longer than `most` seconds, up to `until`."""
    result: list[Point] = []
    for point in points:
        if result:
            result += _gap(result[-1].time, point.time, width, most)
        result.append(point)
    return [*result, *_gap(result[-1].time, until, width, most)] if result else []


def _gap(start: int, end: int, width: int, most: int) -> Iterable[Point]:
    if end - start <= most:
        return ()
    return (Point(window * width) for window in range(start // width + 1, end // width))


def _rows(sql: str, bot: Bot, **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"tenant": current_tenant_id(), "bot": bot.pk, **values})
        return list(cursor.fetchall())
