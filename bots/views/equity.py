"""The equity curve as data, for the drawing that chart.js makes of it."""

import hashlib
from datetime import UTC, date, datetime
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_GET

from accounts.http import TraderRequest
from bots import curves
from bots.forms import EquityForm
from bots.models import Bot, BotFigures
from bots.views.requests import own_bot
from tradewise.web import formatting

#: How a point is drawn, not what it means: a browser that drew it otherwise asks anew.
LAYOUT = 1


@require_GET
@login_required
def equity(request: TraderRequest, bot_id: str) -> HttpResponse:
    """The points of a range, with the words for those who cannot see them; 304 while there is no news."""
    bot = own_bot(bot_id)
    form = EquityForm(request.GET)
    if not form.is_valid():
        return JsonResponse({"errors": form.errors}, status=422)
    reach = form.cleaned_data["range"]
    now = timezone.now()
    version = version_of(bot, reach, now)
    unchanged = get_conditional_response(request, etag=version)
    if unchanged is not None:
        return unchanged
    response = JsonResponse(answer(bot, reach, curves.equity_curve(bot, reach, now)))
    response.headers["ETag"] = version
    return response


def version_of(bot: Bot, reach: str, now: datetime) -> str:
    """An ETag that changes with every reading, and with time, since a gap grows while nothing is read."""
    taken_at = _taken_at(bot)
    shortest = min(curves.WIDTHS) if reach == "all" else curves.REACHES[reach][1]
    parts = (
        LAYOUT,
        bot.bot_id,
        reach,
        bot.stake_currency,
        bot.dry_run,
        bot.record_since,
        taken_at,
        now.timestamp() // shortest,
    )
    return f'"{hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()}"'


def answer(bot: Bot, reach: str, curve: curves.Curve) -> dict[str, Any]:
    """What the browser gets. `value` is for drawing alone; `amount` is what is shown."""
    currency = bot.stake_currency
    taken_at = _taken_at(bot)
    return {
        "range": reach,
        "currency": currency or None,
        "mode": mode_of(bot),
        "read_at": taken_at.isoformat() if taken_at else None,
        "seconds": curve.width,
        "points": [point_of(point, currency) for point in curve.points],
        "summary": summary(curve, currency, mode_of(bot)),
    }


def mode_of(bot: Bot) -> str | None:
    """None before the bot has said it."""
    if bot.dry_run is None:
        return None
    return "simulated" if bot.is_simulated else "dry run" if bot.dry_run else "live"


def point_of(point: curves.Point, currency: str) -> dict[str, Any]:
    """A point without a value is a gap, as the drawing library has it."""
    if point.equity is None:
        return {"time": point.time}
    return {
        "time": point.time,
        "value": float(point.equity),
        "amount": formatting.amount(point.equity, currency),
        "drawdown": None if point.drawdown is None else round(float(point.drawdown), 6),
    }


def summary(curve: curves.Curve, currency: str, mode: str | None) -> dict[str, str] | None:
    """The curve in words: start, now, change, worst drawdown. None where there is no curve."""
    known = [(point, point.equity) for point in curve.points if point.equity is not None]
    if len(known) < 2:
        return None
    worst = max((point.drawdown for point, _ in known if point.drawdown is not None), default=None)
    before, after = known[0][1], known[-1][1]
    start, now = (
        f"{formatting.amount(value, currency)} on {_when(point, curve)}"
        for point, value in (known[0], known[-1])
    )
    ratio = (after - before) / before if before > 0 else None
    change = formatting.percent(ratio, f"({mode})" if mode else "")
    drawdown = formatting.UNKNOWN if worst is None else f"{formatting.number(worst * 100, 1)}%"
    text = f"From {start} to {now}: {change}. Worst drawdown {drawdown}."
    return {"start": start, "now": now, "change": change, "drawdown": drawdown, "text": text}


def _when(point: curves.Point, curve: curves.Curve) -> str:
    moment = datetime.fromtimestamp(point.time, UTC)
    if curve.width >= curves.DAY:
        return formatting.day(date(moment.year, moment.month, moment.day))
    return f"{formatting.day(moment)}, {moment:%H:%M} UTC"


def _taken_at(bot: Bot) -> datetime | None:
    try:
        return bot.figures.taken_at
    except BotFigures.DoesNotExist:
        return None
