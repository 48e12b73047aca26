"""One bot: what is it doing?"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from accounts.http import TraderRequest
from audit import entries
from audit.queries import latest_about
from bots import queries
from bots.enums import BotStatus, HealthReason
from bots.forms import LookForm
from bots.models import Bot, BotFigures, BotTrade
from bots.views.engine import (
    engine_context,
    engine_offers,
    engine_sentence,
    mode_of_engine,
    set_up_facts,
    version_of_engine,
)
from bots.views.requests import engine_of, own_bot
from bots.views.rows import may_stop, offers_for, status_words
from tradewise.secrets import fingerprint
from tradewise.web import formatting
from tradewise.web.pages import wants_fragment

CHART_LIBRARY = "lightweight-charts.standalone.production.js"
#: What the data of the chart calls each range of the page.
CHART_RANGES = {"1d": "day", "7d": "week", "30d": "month", "all": "all"}
DOWN_AFTER = timedelta(seconds=queries.COMMAND_SECONDS)


@dataclass(frozen=True, slots=True)
class OpenTradeRow:
    """An open trade in words and numbers."""

    pair: str
    opened: SafeString
    stake: SafeString
    open_rate: str
    rate: str
    profit: SafeString
    ratio: SafeString


@require_GET
@login_required
def detail(request: TraderRequest, bot_id: str) -> HttpResponse:
    """The page; its live part, which asks every few seconds; and its record, which asks every minute."""
    bot = own_bot(bot_id)
    form = LookForm(request.GET)
    if not form.is_valid():
        return render(request, "bots/detail.html", {"bot": bot, "form": form, "invalid": True}, status=422)
    if wants_fragment(request) and request.htmx.target == "live":
        if form.cleaned_data["seen"] == live_version(bot):
            return HttpResponse(status=204)
        return render(request, "bots/detail.html#live", live_context(bot))
    context = record_context(bot, form)
    if wants_fragment(request):
        return render(request, "bots/detail.html#record", context)
    return render(request, "bots/detail.html", {**context, **live_context(bot), **configuration(bot)})


def live_version(bot: Bot) -> str:
    """Changes with every check, every reading of figures and everything that the trader did."""
    figures = figures_of(bot)
    taken = figures.taken_at.timestamp() if figures and figures.taken_at else 0
    rejected = figures.rejected_samples if figures else 0
    parts = f"{bot.checks}-{bot.updated_at.timestamp():.6f}-{taken:.6f}-{rejected}"
    engine = engine_of(bot)
    # An engine may change without its bot: the version is a mark of both, of one length.
    return hashlib.blake2b((parts + version_of_engine(engine)).encode(), digest_size=12).hexdigest()


def live_context(bot: Bot) -> dict[str, Any]:
    """What may be different a moment later."""
    figures = figures_of(bot)
    now = timezone.now()
    is_under_way = bool(
        bot.command and bot.command_asked_at is not None and now - bot.command_asked_at < DOWN_AFTER
    )
    status, label = status_words(bot.status, bot.health, bot.command, is_under_way=is_under_way)
    currency = bot.stake_currency
    return {
        **_driven(bot, figures, now, is_under_way=is_under_way),
        "bot": bot,
        # Before the first reading every figure is unknown.
        "figures": figures or BotFigures(),
        "version": live_version(bot),
        "status": status,
        "status_label": label,
        "is_under_way": is_under_way,
        "is_bad": bot.status == BotStatus.ERROR or bot.health not in queries.WORKING,
        "rejected": _rejected(bot, figures),
        "profit_ratio": _ratio(figures),
        "open_trades": [open_trade(trade, currency, now) for trade in figures.open_trades] if figures else [],
    }


def _driven(bot: Bot, figures: BotFigures | None, now: datetime, *, is_under_way: bool) -> dict[str, Any]:
    """What can be done with it, and the sentence on what it does; an engine of ours is driven otherwise."""
    engine = engine_of(bot)
    if engine is None:
        return {
            "mode": mode_of_engine(bot, None),
            "offers": offers_for(bot.status, is_under_way=is_under_way),
            "may_stop": may_stop(bot.status, is_under_way=is_under_way),
            "may_reload": bot.is_reachable and not is_under_way,
            "may_check": bot.status != BotStatus.ERROR and bot.health in queries.WORKING and not is_under_way,
            "sentence": _sentence(bot, is_under_way=is_under_way),
        }
    open_trades = figures.open_trade_count if figures else None
    offers, stops = engine_offers(bot.status, engine.phase, bot.desired_state)
    told = "" if is_under_way else engine_sentence(bot, engine, open_trades)
    return {
        **engine_context(bot, engine, open_trades, now),
        "mode": mode_of_engine(bot, engine),
        "offers": () if is_under_way else offers,
        "may_stop": stops,
        "may_reload": False,
        "may_check": False,
        "sentence": told or _sentence(bot, is_under_way=is_under_way),
    }


def record_context(bot: Bot, form: LookForm) -> dict[str, Any]:
    """What changes slowly: the curve, the days, the trades, the diary, the trail."""
    now = timezone.now()
    reach = form.cleaned_data["range"]
    before = _cursor(form.cleaned_data["before"])
    trades, more = queries.closed_trades(bot, before)
    return {
        "bot": bot,
        "equity_range": CHART_RANGES[reach],
        "points": queries.equity_points(bot, reach, now),
        "range": reach,
        "ranges": LookForm.RANGES,
        "days": queries.daily_results(bot),
        "health_days": queries.days_of_health(bot, now),
        "trades": trades,
        "is_later_page": before is not None,
        "older": urlencode({"range": reach, "before": cursor_of(trades[-1])}) if more else "",
        "events": queries.latest_events(bot),
        "activity": entries.rows(latest_about("bot", bot.bot_id)),
        "record_query": urlencode({"range": reach}),
    }


def configuration(bot: Bot) -> dict[str, Any]:
    """How it is set up, without any secret, and what draws the chart."""
    engine = engine_of(bot)
    return {
        **(set_up_facts(bot, engine) if engine is not None else {}),
        "token_mark": fingerprint(bot.api_token) if bot.api_token else "",
        "chart_library": chart_library(),
    }


def chart_library() -> str:
    """Where the drawing library lies; empty where npm has not fetched it, and the drawing stays an SVG."""
    try:
        return static(f"vendor/lightweight-charts/{CHART_LIBRARY}") if settings.CHARTS.is_dir() else ""
    except ValueError:  # It came after the static files were collected.
        return ""


def figures_of(bot: Bot) -> BotFigures | None:
    """The latest figures, or None before the first reading."""
    try:
        return bot.figures
    except BotFigures.DoesNotExist:
        return None


def open_trade(trade: dict[str, Any], currency: str, now: datetime) -> OpenTradeRow:
    """From what the sweep stored: amounts are strings, and each may be missing."""
    pair = str(trade.get("pair") or formatting.UNKNOWN)
    return OpenTradeRow(
        pair=f"{pair} (short)" if trade.get("is_short") else pair,
        opened=formatting.time_html(_moment(trade.get("opened_at")), now),
        stake=formatting.amount_html(_decimal(trade.get("stake_amount")), currency),
        open_rate=_rate(trade.get("open_rate")),
        rate=_rate(trade.get("current_rate")),
        profit=formatting.change(_decimal(trade.get("profit_abs")), currency),
        ratio=formatting.change_percent(_decimal(trade.get("profit_ratio"))),
    )


def cursor_of(trade: BotTrade) -> str:
    """Where the next page begins: the moment in microseconds, and the key where two closed together."""
    micros = (trade.closed_at - _EPOCH) // timedelta(microseconds=1)
    return f"{micros}-{trade.pk}"


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _cursor(text: str) -> tuple[datetime, int] | None:
    if not text:
        return None
    micros, _, key = text.partition("-")
    try:
        return _EPOCH + timedelta(microseconds=int(micros)), min(int(key), 2**63 - 1)
    except OverflowError:
        return None


def _sentence(bot: Bot, *, is_under_way: bool) -> str:
    if is_under_way:
        return "The command is on its way. The bot acts at its next turn; this page shows it by itself."
    if bot.connection_error:
        return bot.connection_error
    if bot.health == HealthReason.UNKNOWN:
        return "The first check comes within seconds."
    return {
        BotStatus.RUNNING: "The bot runs.",
        BotStatus.CONNECTED: "The bot is paused: it opens no new trades and goes on to manage those it has.",
        BotStatus.INACTIVE: "The bot is stopped: its open trades, if any, are not watched.",
    }.get(BotStatus(bot.status), "")


def _rejected(bot: Bot, figures: BotFigures | None) -> str:
    """Why the equity stands still, when it does."""
    if figures is None or not figures.rejected_reason:
        return ""
    since = formatting.exact(figures.taken_at) if figures.taken_at else ""
    words = f"equity is not updated since {since}" if since else "there is no equity yet"
    return f"The exchange does not answer the bot; {words}."


def _ratio(figures: BotFigures | None) -> Decimal | None:
    if figures is None or figures.profit_all is None or not figures.starting_capital:
        return None
    return Decimal(figures.profit_all / figures.starting_capital)


def _decimal(value: object) -> Decimal | None:
    try:
        return None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None


def _rate(value: object) -> str:
    return formatting.amount(_decimal(value), None)


def _moment(value: object) -> datetime | None:
    try:
        moment = parse_datetime(str(value)) if value else None
    except ValueError:
        return None
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)
