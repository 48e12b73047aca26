"""Daily closes of the pairs that records are compared with: asked of the exchange itself, for everybody once."""

import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from django.db import connection, transaction
from django.db.models import Max, Min

from bots import exchanges
from bots.enums import Mode
from bots.services.markets import address
from marketplace.models import MarketClose, MarketPair

logger = logging.getLogger(__name__)

MARKETS: Final = {"binance": Mode.DRY_RUN, str(Mode.SIMULATED): Mode.SIMULATED}
"""Whose prices TradeWise can ask for, and the mode of bots that trade there."""
MOST: Final = 20
LEASE: Final = 120
AGAIN: Final = timedelta(minutes=10)
REACH: Final = timedelta(days=999)
"""As far back as one question goes; longer records are not compared."""
Closes = dict[str, list[tuple[date, Decimal]]]

_WANT: Final = """
INSERT INTO market_pairs AS p (market, pair, since) SELECT %s, pair, %s FROM unnest(%s::text[]) AS pair
ON CONFLICT (market, pair) DO UPDATE SET since = excluded.since, next_at = now() WHERE excluded.since < p.since"""

_CLAIM: Final = """
WITH due AS (SELECT id FROM market_pairs WHERE next_at <= now() ORDER BY next_at LIMIT %s FOR UPDATE SKIP LOCKED)
UPDATE market_pairs p SET lease_token = %s, next_at = now() + %s * interval '1 s'
FROM due WHERE p.id = due.id RETURNING p.id, p.market, p.pair, p.since"""


@dataclass(frozen=True, slots=True)
class _Wanted:
    id: int
    market: str
    pair: str
    since: date


def want(market: str, pairs: Sequence[str], since: date) -> None:
    """See to it that closes of these pairs are asked for, from a day on. An exchange that is not known is not asked."""
    if market not in MARKETS or not pairs:
        return
    since = max(since, datetime.now(UTC).date() - REACH)
    with connection.cursor() as cursor:
        cursor.execute(_WANT, [market, since, sorted({pair for pair in pairs if len(pair) <= 50})])


def known(market: str, pairs: Iterable[str], since: date) -> Closes:
    """What is there of them, by pair, oldest first."""
    found: Closes = {}
    rows = MarketClose.across_tenants.filter(market=market, pair__in=list(pairs), day__gte=since)
    for pair, day, price in rows.order_by("day").values_list("pair", "day", "price"):
        found.setdefault(pair, []).append((day, price))
    return found


def count(market: str, pairs: Iterable[str]) -> int:
    """How many closes of these pairs there are."""
    return MarketClose.across_tenants.filter(market=market, pair__in=list(pairs)).count()


def fetch() -> int:
    """Ask for the closes that are due, at most 20 pairs; how many closes came. Two workers take different ones."""
    token = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, [MOST, token, LEASE])
        due = [_Wanted(*row) for row in cursor.fetchall()]
    came = 0
    for market in sorted({wanted.market for wanted in due}):
        here = [wanted for wanted in due if wanted.market == market]
        came += _fetch(market, here, token)
    return came


def _fetch(market: str, wanted: Sequence[_Wanted], token: uuid.UUID) -> int:
    mode = MARKETS[market]
    url = address(mode)
    first = {each.pair: _first_missing(each) for each in wanted}
    # Over the network, so outside every transaction.
    answered = exchanges.ask_closes(url, first, simulated=mode == Mode.SIMULATED) if url else {}
    silent = [each.pair for each in wanted if each.pair not in answered]
    if silent:
        logger.warning("daily closes did not come market=%s pairs=%s", market, len(silent))
    return sum(_keep(each, answered.get(each.pair), token) for each in wanted)


def _first_missing(wanted: _Wanted) -> date:
    there = MarketClose.across_tenants.filter(market=wanted.market, pair=wanted.pair)
    ends = there.aggregate(oldest=Min("day"), newest=Max("day"))
    if ends["oldest"] is None or ends["oldest"] > wanted.since:
        return wanted.since
    after: date = ends["newest"] + timedelta(days=1)
    return after


@transaction.atomic
def _keep(wanted: _Wanted, closes: Sequence[tuple[date, Decimal]] | None, token: uuid.UUID) -> int:
    """Nothing where another worker has it by now. A pair is asked for again after midnight, or soon if nothing came."""
    now = datetime.now(UTC)
    midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), UTC)
    is_whole = bool(closes) and max(day for day, _ in closes or ()) >= now.date() - timedelta(days=1)
    changed: dict[str, Any] = {
        "next_at": midnight + timedelta(minutes=1 + wanted.id % 10)
        if is_whole or closes == []
        else now + AGAIN,
        "failure": "" if closes is not None else "The exchange did not say.",
        "lease_token": None,
    }
    if not MarketPair.across_tenants.filter(pk=wanted.id, lease_token=token).update(**changed):
        return 0
    made = MarketClose.across_tenants.bulk_create(
        (
            MarketClose(market=wanted.market, pair=wanted.pair, day=day, price=price)
            for day, price in closes or ()
            if price < 10**16
        ),
        ignore_conflicts=True,
    )
    return len(made)
