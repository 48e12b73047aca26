"""Keeping the records of public templates: whose turn it is, what the record says, and writing it down once."""

import logging
import uuid
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import Error, connection, transaction
from django.db.models import Min

from bots.models import BotDay
from marketplace import queries
from marketplace.models import BotTemplate, TemplateRecord
from marketplace.records import SubscriberResult, record, subscribers_got
from marketplace.services import prices
from marketplace.services.demo.prices import demo_prices
from marketplace.services.observing import Source, TooMuch, look, platform_bot, shown_bot, source_of
from marketplace.services.spelling import told
from tradewise.tenancy.context import PLATFORM, tenant_context
from tradewise.tenancy.models import CurrentTimestamp

logger = logging.getLogger(__name__)

MOST: Final = 20
"""Templates of one turn."""
LEASE: Final = 120
EVERY: Final = timedelta(minutes=5)
FAILURES: Final = (Error, TooMuch, ArithmeticError, LookupError, TypeError, ValueError)

_ENROL: Final = """
INSERT INTO template_records (template_id) SELECT t.id FROM bot_templates t
WHERE t.is_public AND NOT EXISTS (SELECT FROM template_records r WHERE r.template_id = t.id)
ORDER BY t.id LIMIT 1000 ON CONFLICT DO NOTHING"""

_CLAIM: Final = """
WITH due AS (
    SELECT d.template_id FROM template_records d JOIN bot_templates t ON t.id = d.template_id
    WHERE d.next_at <= now() AND t.is_public ORDER BY d.next_at LIMIT %s FOR UPDATE OF d SKIP LOCKED)
UPDATE template_records r SET lease_token = %s, next_at = now() + %s * interval '1 s'
FROM due WHERE r.template_id = due.template_id RETURNING r.template_id"""


@dataclass(slots=True)
class Report:
    """What a turn did."""

    looked: int = 0
    written: int = 0
    failed: int = 0

    def add(self, other: "Report") -> None:
        """Another turn's."""
        self.looked += other.looked
        self.written += other.written
        self.failed += other.failed

    def __str__(self) -> str:
        return f"looked={self.looked} written={self.written} failed={self.failed}"


def keep(most: int = MOST) -> Report:
    """Compute the records that are due. Turns may overlap and be lost: each claims what the others have not."""
    token, report = uuid.uuid4(), Report()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ENROL)
        cursor.execute(_CLAIM, [most, token, LEASE])
        due = [number for (number,) in cursor.fetchall()]
    for number in due:
        report.looked += 1
        try:
            report.written += _turn(number, token)
        except FAILURES as error:
            # The text of a database error may quote a row: its type says enough.
            report.failed += 1
            logger.error("a record was not computed: %s template=%s", type(error).__name__, number)  # noqa: TRY400
            held = TemplateRecord.across_tenants.filter(pk=number, lease_token=token)
            held.update(failure=type(error).__name__, lease_token=None, next_at=CurrentTimestamp() + EVERY)
    return report


def _turn(number: int, token: uuid.UUID) -> bool:
    """Whether anything new was written."""
    template = BotTemplate.across_tenants.filter(pk=number, is_public=True).first()
    kept = TemplateRecord.across_tenants.filter(pk=number, lease_token=token).first()
    if template is None or kept is None:
        return False
    now = datetime.now(UTC)
    is_counted = _count_subscribers(kept, now.date())
    source = find_source(template)
    news = _news(source, template, kept, now.date())
    if news == kept.news and not kept.failure and not is_counted:
        return _write(kept, token, template, template.performance_data, news)
    if source is None:
        # The bot is gone; what was seen of it was seen all the same.
        data = {**template.performance_data, "ended": True} if template.performance_data else None
        return _write(kept, token, template, data, news)
    return _write(kept, token, template, computed(source, kept.subscribers, now), news)


def find_source(template: BotTemplate) -> Source | None:
    """TradeWise's own bot where there is one, else the one that the author shows; each read as its owner."""
    published = queries.published_version(template)
    with tenant_context(PLATFORM, action="template.record"):
        bot = platform_bot(template)
        if bot is not None:
            return source_of(bot, template, published)
    if published is None or published.creator_tenant_id is None:
        return None
    with tenant_context(published.creator_tenant_id, action="template.record"):
        bot = shown_bot(published)
        return source_of(bot, template, published) if bot is not None else None


def computed(source: Source, subscribers: dict[str, Any] | None, now: datetime) -> dict[str, Any]:
    """What a page may show, as JSON. Raises TooMuch."""
    closes = _closes_of_replay(source, now.date()) if source.is_replay else _closes(source)
    with tenant_context(source.tenant_id, action="template.record"):
        sight = look(source, closes, now)
    return {**told(source, sight, record(sight.observed)), "subscribers": subscribers}


def _closes(source: Source) -> prices.Closes:
    since = source.bot.record_since or source.bot.created_at
    first = since.astimezone(UTC).date() - timedelta(days=1)
    prices.want(source.market, source.pairs, first)
    return prices.known(source.market, source.pairs, first) if source.market else {}


def _closes_of_replay(source: Source, today: date) -> prices.Closes:
    """The invented prices that it was replayed on, from the day before its first."""
    with tenant_context(source.tenant_id, action="template.record"):
        first = BotDay.objects.filter(bot=source.bot).aggregate(first=Min("day"))["first"]
    if first is None:
        return {}
    days = [first + timedelta(days=number) for number in range(-1, (today - first).days)]
    found = {pair: [(day, demo_prices(pair, day)) for day in days] for pair in source.pairs}
    return {pair: [(day, price) for day, price in of_pair if price] for pair, of_pair in found.items()}


def _news(source: Source | None, template: BotTemplate, kept: TemplateRecord, today: date) -> str:
    """Changes when there is something to tell, at most once an hour: each record is in many indexes."""
    if source is None:
        return f"none {template.performance_data is not None}"
    priced = prices.count(source.market, source.pairs) if source.market else 0
    parts = (
        source.bot.pk,
        f"{source.taken_at:%Y-%m-%dT%H}" if source.taken_at else "",
        source.version,
        template.version,
        today,
        priced,
        kept.subscribers_on,
    )
    return " ".join(str(part) for part in parts)[:255]


def _count_subscribers(kept: TemplateRecord, today: date) -> bool:
    """Once a day, and from then on as it was: who looks before and after somebody came sees the same."""
    if kept.subscribers_on == today:
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT subscriber, result FROM subscribers_results(%s)", [kept.pk])
        results = [SubscriberResult(str(who), _ratio(result)) for who, result in cursor.fetchall()]
    got = subscribers_got(results)
    kept.subscribers_on = today
    kept.subscribers = got and {
        "at_least": got.at_least,
        **{name: str(getattr(got, name)) for name in ("lower", "median", "upper")},
    }
    return True


def _ratio(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except ArithmeticError:
        return None


@transaction.atomic
def _write(
    kept: TemplateRecord, token: uuid.UUID, template: BotTemplate, data: dict[str, Any] | None, news: str
) -> bool:
    """Nothing where another worker has the turn by now; of a template that was withdrawn the record stays as it was."""
    changed: dict[str, Any] = {
        "next_at": CurrentTimestamp() + EVERY,
        "lease_token": None,
        "news": news,
        "failure": "",
        "computed_at": CurrentTimestamp(),
        "subscribers": kept.subscribers,
        "subscribers_on": kept.subscribers_on,
    }
    if not TemplateRecord.across_tenants.filter(pk=kept.pk, lease_token=token).update(**changed):
        return False
    if data == template.performance_data:
        return False
    public = BotTemplate.across_tenants.filter(pk=template.pk, is_public=True)
    return bool(public.update(performance_data=data, updated_at=CurrentTimestamp()))
