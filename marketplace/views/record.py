"""A template's record as a page shows it, and as data for the drawing that chart.js makes of it.

It needs nobody who is logged in. All figures are those that the worker wrote; nothing is reckoned here but the drawing.
"""

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_GET

from marketplace import queries
from marketplace.models import BotTemplate
from marketplace.records import Tier, tier_sentence
from marketplace.records.evidence import JUDGED_DAYS, JUDGED_TRADES, MODES, RETURN_DAYS, day_in_words
from marketplace.services.spelling import REPLAY
from tradewise.web import formatting

logger = logging.getLogger(__name__)

DAY: Final = 86400
MALFORMED: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What reading a record may raise that is not as the worker writes it."""
#: How a point is drawn, not what it means: a browser that drew it otherwise asks anew.
LAYOUT: Final = 2
MOST_POINTS: Final = 500
RATIOS: Final = (
    "return",
    "drawdown",
    "win_rate",
    "profit_factor",
    "hold_return",
    "best_day",
    "worst_day",
    "average_trade",
)


@dataclass(frozen=True, slots=True)
class Level:
    """What became of 1 until the end of a day, of holding, and how far below its peak it was; None where unknown."""

    day: date
    growth: Decimal | None
    held: Decimal | None
    drawdown: Decimal | None


@require_GET
@login_not_required
def record(request: HttpRequest, template_id: str) -> HttpResponse:
    """The points of the curve; 304 while there is no news."""
    template = queries.readable_templates().filter(template_id=template_id).first()
    template = template or queries.withdrawn_template(template_id)
    data = template.performance_data if template is not None else None
    if data is None:
        raise Http404
    version = hashlib.blake2b(f"{LAYOUT} {json.dumps(data, sort_keys=True)}".encode(), digest_size=12)
    etag = f'"{version.hexdigest()}"'
    unchanged = get_conditional_response(request, etag=etag)
    if unchanged is not None:
        return unchanged
    try:
        response = JsonResponse(drawing(data))
    except MALFORMED:
        raise Http404 from None
    response.headers["ETag"] = etag
    return response


def drawing(data: Mapping[str, Any]) -> dict[str, Any]:
    """What the browser gets. `value` is for drawing alone: what became of 100; `amount` is what is shown."""
    levels = thinned(levels_of(data))
    return {
        "title": "Record",
        "mode": mode_of(data),
        "seconds": DAY,
        "points": [_point(level) for level in levels],
        "summary": {"text": in_words(data)}
        if sum(level.growth is not None for level in levels) > 1
        else None,
    }


def _point(level: Level) -> dict[str, Any]:
    """A point without a value is a gap, as the drawing library has it."""
    moment = int(datetime.combine(level.day, time.min, UTC).timestamp())
    held = {} if level.held is None else {"held": float(level.held * 100)}
    if level.growth is None:
        return {"time": moment, **held}
    return {
        "time": moment,
        "value": float(level.growth * 100),
        "amount": formatting.percent(level.growth - 1),
        "drawdown": None if level.drawdown is None else round(float(level.drawdown), 6),
        **held,
    }


def levels_of(data: Mapping[str, Any]) -> list[Level]:
    """Day by day, oldest first; none where too little is known for a curve."""
    growth, held = _series(data.get("curve")), _series(data.get("hold"))
    held += [None] * (len(growth) - len(held))
    since = date.fromisoformat(data["since"])
    # Ends of days alone: the 1 that it began with is a high too, and none of them.
    peak, levels = Decimal(1), []
    for number, (level, bought) in enumerate(zip(growth, held, strict=False)):
        peak = max(peak, level or peak)
        fall = (peak - level) / peak if level is not None else None
        levels.append(Level(since + timedelta(days=number), level, bought, fall))
    return levels


def thinned(levels: list[Level]) -> list[Level]:
    """Of a long record every second day, third day and so on, with the last one."""
    step = -(-len(levels) // MOST_POINTS) or 1
    return levels[::-1][::step][::-1]


def _series(text: str | None) -> list[Decimal | None]:
    return [None if part == "-" else Decimal(part) for part in (text or "").split()]


def mode_of(data: Mapping[str, Any]) -> str:
    """In words, as it is said of a record."""
    return MODES.get(data["mode"], "dry run or real money unknown")


def in_words(data: Mapping[str, Any]) -> str:
    """The curve for those who cannot see it: from when to when, what came of it, and of holding."""
    since, until = date.fromisoformat(data["since"]), datetime.fromisoformat(data["until"])
    found = _ratios(data)
    reach = f"From {formatting.day(since)} to {formatting.day(until)}"
    text = f"{reach}: {formatting.percent(found['return'])}, {mode_of(data)}."
    if found["drawdown"] is not None:
        text += f" Maximum drawdown {formatting.number(found['drawdown'] * 100, 1)}%."
    if found["hold_return"] is not None:
        text += f" Buying and holding the same pairs: {formatting.percent(found['hold_return'])}."
    return text


def _ratios(data: Mapping[str, Any]) -> dict[str, Decimal | None]:
    return {name: None if data.get(name) is None else Decimal(data[name]) for name in RATIOS}


def shown(template: BotTemplate) -> dict[str, Any] | None:
    """What the part of the page is made of; None for a template that has no record, or one that cannot be read."""
    try:
        return _shown(template.performance_data) if template.performance_data is not None else None
    except MALFORMED as error:
        # As in the list: what is not as it should be has no figures, and takes no page along.
        logger.error("a record cannot be read: %s template=%s", type(error).__name__, template.template_id)  # noqa: TRY400
        return None


def _shown(data: Mapping[str, Any]) -> dict[str, Any]:
    since, until = date.fromisoformat(data["since"]), datetime.fromisoformat(data["until"])
    levels = thinned(levels_of(data))
    figures = _ratios(data)
    return {
        **{key: data[key] for key in ("days", "days_observed", "trades", "deleted_trades", "gaps", "ended")},
        **{key: data[key] for key in ("mode", "is_replay", "version", "is_enough", "sentence")},
        # Of a demo the page says so above everything else.
        "caveats": [caveat for caveat in data["caveats"] if caveat != REPLAY],
        "tier": tier_words(data, since),
        "version_text": str(data["version"]),
        "drawdown": _percent(figures["drawdown"]),
        "win_rate": _percent(figures["win_rate"]),
        "is_observed": data["tier"] == Tier.OBSERVED,
        "base": f"since {day_in_words(since)}, {mode_of(data)}",
        "until": until,
        "figures": {**figures, "total": figures["return"]},
        "beaten_by": _less(figures["return"], figures["hold_return"]),
        "months": [(_month(month), _decimal(ratio)) for month, ratio in reversed(data["months"])],
        "points": _drawn(levels),
        "words": in_words(data),
        "subscribers": _got(data.get("subscribers")),
        "least": {"days": JUDGED_DAYS, "trades": JUDGED_TRADES, "return_days": RETURN_DAYS},
    }


def tier_words(data: Mapping[str, Any], since: date) -> str:
    """Who saw it, since when, with what money."""
    if data["is_replay"]:
        return f"Demo: replayed by TradeWise on invented prices, from {day_in_words(since)} on"
    return tier_sentence(Tier(data["tier"]), since, data["mode"])


def _drawn(levels: Iterable[Level]) -> list[tuple[date, Decimal | None]]:
    """For the drawing of the server: what became of 100."""
    return [(level.day, None if level.growth is None else level.growth * 100) for level in levels]


def _percent(ratio: Decimal | None) -> str:
    """Without a sign: a share, or a fall that is called one."""
    return formatting.UNKNOWN if ratio is None else f"{formatting.number(ratio * 100, 1)}%"


def _less(ratio: Decimal | None, held: Decimal | None) -> Decimal | None:
    return None if ratio is None or held is None else ratio - held


def _month(text: str) -> str:
    year, _, month = text.partition("-")
    return f"{formatting.MONTHS[int(month) - 1]} {year}"


def _decimal(text: str | None) -> Decimal | None:
    return None if text is None else Decimal(text)


def _got(data: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if data is None:
        return None
    ratios = {
        name: formatting.percent(Decimal(data[name]), places=0) for name in ("lower", "median", "upper")
    }
    return {"at_least": int(data["at_least"]), **ratios}
