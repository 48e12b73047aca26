"""The trader's own result of a subscription, reckoned by the worker from what its bot was seen to be worth.

`next_reckoning_at` is the queue: whoever claims moves it by a lease, so that a worker which dies leaves the
subscription due again. Reckoned twice it is the same. What samples said stays in `basis`, since they are kept for a
month only; each time only the new ones are read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection
from django.db.models import Value
from django.utils.dateparse import parse_datetime

from bots.enums import Mode
from bots.fees import fees_of
from bots.health.figures import unseen_after
from bots.models import Bot, BotDay, BotTrade
from bots.queries import first_whole_day
from marketplace.models import BotTemplate
from marketplace.records import EquityPoint, Figures, Flow, Gap, Observed, record
from subscriptions.against import LABELS, template_over
from subscriptions.models import Subscription
from subscriptions.queries import is_set_up_otherwise, versions_of
from tradewise.tenancy.context import current_tenant_id, tenant_context
from tradewise.tenancy.models import CurrentTimestamp

EVERY: Final = timedelta(minutes=15)
LEASE: Final = timedelta(minutes=5)
AT_ONCE: Final = 20
CENT: Final = Decimal("0.01")
FINEST_RATE: Final = Decimal("1E-6")
"""Of a fee: a ten-thousandth of a percent."""
MOST_FLOWS: Final = 500
"""Changes of the allocation that are followed; with more the return is not known."""

CLAIM: Final = """
WITH due AS (
    SELECT id FROM subscriptions WHERE next_reckoning_at <= now() ORDER BY next_reckoning_at LIMIT %s
    FOR NO KEY UPDATE SKIP LOCKED)
UPDATE subscriptions s SET next_reckoning_at = now() + %s FROM due WHERE s.id = due.id RETURNING s.id, s.tenant_id"""

# Equity is capital and profit: where their difference jumps, the allocation was changed. Of all samples those come
# back that say something new: the first, the last, and both ends of a jump or a gap.
SAMPLES: Final = """SELECT taken_at, equity, capital, before_at, before_equity, before_capital FROM (
    SELECT taken_at, equity, equity - profit_all AS capital, lag(taken_at) OVER w AS before_at,
        lag(equity) OVER w AS before_equity, lag(equity - profit_all) OVER w AS before_capital,
        lead(id) OVER w IS NULL AS is_last
    FROM bot_samples
    WHERE tenant_id = %(tenant)s AND bot_id = %(bot)s AND taken_at >= %(since)s AND taken_at <= %(until)s
      AND equity <> 'NaN' AND profit_all <> 'NaN'
    WINDOW w AS (ORDER BY taken_at, id)) s
WHERE before_at IS NULL OR is_last OR abs(capital - before_capital) >= %(cent)s OR taken_at - before_at > %(unseen)s
ORDER BY taken_at"""


@dataclass(slots=True)
class Seen:
    """What all samples so far have said."""

    begun: Decimal
    """What the record begins with: the capital, or what the bot was worth where the record began anew meanwhile."""
    until: datetime
    equity: Decimal
    last_capital: Decimal
    """What was there at the last reading."""
    unseen: timedelta
    flows: list[tuple[datetime, Decimal, datetime, Decimal, Decimal]]
    """(when, how much, when before, equity before, equity after) of each change of the allocation."""


def claim() -> list[tuple[int, Any]]:
    """Some that are due: (key, tenant)."""
    with connection.cursor() as cursor:
        values: list[Any] = [AT_ONCE, LEASE]
        cursor.execute(CLAIM, values)
        return list(cursor.fetchall())


def reckon(key: int, tenant: Any) -> None:
    """Write what is known now; of a cancelled one for the last time."""
    with tenant_context(tenant, action="subscription.reckon"):
        found = Subscription.objects.select_related("bot__engine").defer("bot__engine__log_lines")
        subscription = found.filter(pk=key).first()
        if subscription is None:
            return
        after = None if subscription.is_over else CurrentTimestamp() + Value(EVERY)
        # One that was cancelled meanwhile is due already, and is reckoned then.
        Subscription.objects.filter(pk=key, status=subscription.status).update(
            performance_data=result_of(subscription), next_reckoning_at=after
        )


def result_of(subscription: Subscription) -> dict[str, Any]:
    """As pages and other reckonings read it; ratios are strings, and None where they are not known."""
    bot = subscription.bot
    since = max(subscription.created_at, bot.record_since or subscription.created_at)
    before = _before(subscription, bot, since)
    seen = _look(bot, since, subscription.cancelled_at, before)
    known: dict[str, Any] = {
        "since": since.isoformat(),
        "until": (seen.until if seen else since).isoformat(),
        "mode": _mode_of(bot),
        "currency": bot.stake_currency,
    }
    until = seen.until if seen else since
    fees = fees_of(BotTrade.objects.filter(bot=bot, closed_at__gte=since, closed_at__lte=until))
    figures = _figures(bot, since, seen) if seen is not None else None
    return {
        **known,
        "return": _text(figures.total_return) if figures else None,
        "drawdown": _text(figures.drawdown.ratio) if figures and figures.drawdown else None,
        "trades": fees.trades,
        "fees": _text(fees.paid),
        "fee_rate": _text(fees.rate.quantize(FINEST_RATE) if fees.rate is not None else None),
        "days": figures.days if figures else 0,
        "days_observed": figures.days_observed if figures else 0,
        **_against(subscription, known, since, until),
        "set_up_otherwise": _is_set_up_otherwise(subscription),
        "basis": _kept(seen) if seen is not None else None,
    }


def _mode_of(bot: Bot) -> str:
    """In which it was earned, as the bot itself said; what is wanted from its engine may be another by now."""
    if bot.is_simulated:
        return str(Mode.SIMULATED)
    if bot.dry_run is None:
        return str(bot.engine.mode)
    return str(Mode.DRY_RUN if bot.dry_run else Mode.LIVE)


def _against(
    subscription: Subscription, known: dict[str, Any], since: datetime, until: datetime
) -> dict[str, Any]:
    template = BotTemplate.across_tenants.filter(pk=subscription.template_id, is_public=True).first()
    record = template.performance_data if template is not None else None
    found = template_over(
        record,
        mode=known["mode"],
        currency=known["currency"],
        since=since.date(),
        until=until.date(),
    )
    reason = found.reason if template is not None else "The template is no longer offered."
    return {
        "template_return": _text(found.ratio),
        "template_until": found.until.isoformat() if found.until else None,
        "template_reason": reason,
        "record": {label: record.get(label) for label in LABELS} if record else None,
    }


def _is_set_up_otherwise(subscription: Subscription) -> bool:
    followed = versions_of([subscription]).get((subscription.template_id, subscription.version))
    return followed is not None and is_set_up_otherwise(subscription.bot.engine, followed)


def _figures(bot: Bot, since: datetime, seen: Seen) -> Figures:
    """The time-weighted result: days that are over by their ends, and each change of the allocation from both sides."""
    points = [EquityPoint(seen.until, seen.equity)]
    flows = []
    for at, amount, before_at, before, after in seen.flows:
        points += [EquityPoint(before_at, before), EquityPoint(at, after)]
        flows.append(Flow(at, amount if len(seen.flows) <= MOST_FLOWS else None))
    points += _days(bot, since, seen.until, {at.astimezone(UTC).date() for at, *_ in seen.flows})
    observed = Observed(
        first_at=since,
        last_at=seen.until,
        equity=points,
        starting_capital=seen.begun,
        flows=flows,
        # Where in the record the gaps lie makes no difference to how long they are.
        gaps=[Gap(since, since + min(seen.unseen, seen.until - since))],
    )
    return record(observed).figures


def _days(bot: Bot, since: datetime, until: datetime, cut: set[date]) -> Iterator[EquityPoint]:
    first = since.date() if bot.record_since is None else first_whole_day(since)
    days = BotDay.objects.filter(bot=bot, day__gte=first, day__lt=until.date(), equity_close__isnull=False)
    for day in days.order_by("day"):
        if day.day in cut:
            # Nobody can say on which side of the change its extremes lay.
            yield EquityPoint(day.day, day.equity_close)
        else:
            yield EquityPoint(day.day, day.equity_close, day.equity_low, day.equity_high)


def _look(bot: Bot, since: datetime, end: datetime | None, before: Seen | None) -> Seen | None:
    """Add what samples say that were taken since. None where nothing was seen yet."""
    values: dict[str, Any] = {
        "tenant": current_tenant_id(),
        "bot": bot.pk,
        "since": before.until if before else since,
        "until": end or datetime.max.replace(tzinfo=since.tzinfo),
        "cent": CENT,
        "unseen": unseen_after(),
    }
    with connection.cursor() as cursor:
        cursor.execute(SAMPLES, values)
        rows = cursor.fetchall()
    seen = before
    for at, equity, capital, before_at, before_equity, before_capital in rows:
        if seen is None:
            # A database that an engine of this mode had before says what was won then, too: that is no result of now.
            begun = capital if bot.record_since is None else equity
            seen = Seen(begun, at, equity, capital, max(at - since - unseen_after(), timedelta()), [])
        elif before_at is None and at > seen.until:
            # The last reading is no longer kept: what it said is.
            before_at, before_equity, before_capital = seen.until, seen.equity, seen.last_capital
        if before_at is not None:
            if at - before_at > unseen_after():
                seen.unseen += at - before_at
            if abs(capital - before_capital) >= CENT:
                seen.flows.append((at, capital - before_capital, before_at, before_equity, equity))
        seen.until, seen.equity, seen.last_capital = at, equity, capital
    if seen is not None:
        del seen.flows[: -MOST_FLOWS - 1]
    return seen


def _before(subscription: Subscription, bot: Bot, since: datetime) -> Seen | None:
    """What was kept of the last time, where the record is still the same one."""
    data = subscription.performance_data or {}
    basis = data.get("basis")
    if not basis or data.get("since") != since.isoformat():
        return None
    if "begun" not in basis and bot.record_since is not None:
        # Kept when the capital was taken for the beginning.
        return None
    return Seen(
        begun=Decimal(basis.get("begun") or basis["capital"]),
        until=_moment(data["until"]),
        equity=Decimal(basis["equity"]),
        last_capital=Decimal(basis["last_capital"]),
        unseen=timedelta(seconds=basis["unseen"]),
        flows=[
            (_moment(at), Decimal(amount), _moment(before_at), Decimal(before), Decimal(after))
            for at, amount, before_at, before, after in basis["flows"]
        ],
    )


def _kept(seen: Seen) -> dict[str, Any]:
    return {
        "begun": str(seen.begun),
        "equity": str(seen.equity),
        "last_capital": str(seen.last_capital),
        "unseen": seen.unseen // timedelta(seconds=1),
        "flows": [
            [at.isoformat(), str(amount), before_at.isoformat(), str(before), str(after)]
            for at, amount, before_at, before, after in seen.flows
        ],
    }


def _moment(text: str) -> datetime:
    moment = parse_datetime(text)
    assert moment is not None
    return moment


def _text(ratio: Decimal | None) -> str | None:
    return format(ratio, "f") if ratio is not None else None
