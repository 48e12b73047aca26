"""A subscription's own result beside its template's: each with its base, and what differs between the two."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from marketplace.records.evidence import MODES, RETURN_DAYS, counted, in_days
from subscriptions.against import day_of, is_invented, ratio_of
from subscriptions.models import Subscription
from tradewise.web.formatting import amount, day, share

Record = Mapping[str, Any]

TIERS: Final = {"run_by_tradewise": "run by TradeWise", "observed": "observed by TradeWise"}
DAY: Final = timedelta(days=1)
#: Of a percentage: exchanges tell fees so, as 0.075 %.
RATE_PLACES: Final = 3


@dataclass(frozen=True, slots=True)
class Compared:
    """What is known is a ratio with its base in words; what is not is None with the reason."""

    own: Decimal | None
    own_base: str
    template: Decimal | None
    template_base: str
    reasons: tuple[str, ...]


def compare(subscription: Subscription, now: datetime) -> Compared:
    """As the list shows it: what was reckoned, and what was true then. The template's record may be another by now."""
    own = subscription.performance_data
    if not own:
        return Compared(None, "not reckoned yet", None, "not reckoned yet", ())
    template, record = ratio_of(own, "template_return"), own.get("record")
    return Compared(
        own=ratio_of(own, "return"),
        own_base=_own_base(own),
        template=template,
        template_base=_base_of(own, record)
        if template is not None
        else str(own.get("template_reason") or ""),
        reasons=tuple(_reasons(subscription, own, record, now)),
    )


def _own_base(own: Record) -> str:
    since, until = day_of(own, "since"), day_of(own, "until")
    mode = MODES.get(str(own.get("mode")), "")
    if own.get("return") is None:
        days = own.get("days_observed") or 0
        if days < RETURN_DAYS:
            return f"told from {RETURN_DAYS} days on: {counted(days, 'day')} seen so far"
        return "not known"
    if since is None or until is None:
        return mode
    return f"{day(since)} to {day(until)}, {mode}"


def _base_of(own: Record, record: Record | None) -> str:
    since, until = day_of(own, "since"), day_of(own, "template_until")
    told = [f"{day(since)} to {day(until)}"] if since and until else []
    if record:
        told.append(MODES.get(str(record.get("mode")), ""))
        told.append(TIERS.get(str(record.get("tier")), ""))
    return ", ".join(filter(None, told))


def _reasons(subscription: Subscription, own: Record, record: Record | None, now: datetime) -> Iterator[str]:
    """Facts alone. What is not known is not guessed."""
    paused = _paused(subscription, now)
    if paused >= DAY:
        yield f"Yours was paused for {counted(paused.days, 'day')}."
    elif paused:
        yield "Yours was paused for less than a day."
    if own.get("set_up_otherwise"):
        yield "You have changed the parameters of your bot."
    changes = len((own.get("basis") or {}).get("flows") or ())
    if changes:
        yield f"You have changed the allocation {counted(changes, 'time')}; the bot starts anew each time."
    unseen = timedelta(seconds=(own.get("basis") or {}).get("unseen") or 0)
    if unseen >= DAY:
        yield f"Nothing was seen of your bot for {in_days(unseen)} in all."
    if record and own.get("template_return") is not None:
        yield from _of_both(subscription, own, record)
    if own.get("return") is not None:
        yield _fees(own, record)


def _of_both(subscription: Subscription, own: Record, record: Record) -> Iterator[str]:
    begun, since = day_of(record, "since"), day_of(own, "since")
    if begun and since and since > begun:
        later = counted((since - begun).days, "day")
        yield f"You began {later} later than the template's record; compared are the same days."
    version = record.get("version")
    if isinstance(version, int) and subscription.version is not None and version != subscription.version:
        yield f"You follow version {subscription.version}; the record is of version {version}."
    mode, theirs = str(own.get("mode")), str(record.get("mode"))
    if mode != theirs:
        yield f"Yours is {MODES.get(mode, mode)}, the template's is {MODES.get(theirs, theirs)}."
    if record.get("ended") and not is_invented(record):
        yield "The template's record has ended."


def _fees(own: Record, record: Record | None) -> str:
    """What the exchange took; results are what was left. An equal rate is no equal cost: who trades more pays more."""
    paid, rate, currency = ratio_of(own, "fees"), ratio_of(own, "fee_rate"), str(own.get("currency"))
    if paid is None or rate is None:
        return "Fees are taken off; what they come to is not known."
    told = (
        f"Fees of your closed trades took {amount(paid, currency)}, "
        f"{share(rate, RATE_PLACES)} of what was bought and sold"
    )
    theirs = ratio_of(record, "fee_rate")
    if own.get("template_return") is None or theirs is None:
        return f"{told}."
    if share(theirs, RATE_PLACES) == share(rate, RATE_PLACES):
        return f"{told}; the template's bot pays the same rate."
    return f"{told}; the template's bot pays {share(theirs, RATE_PLACES)}."


def _paused(subscription: Subscription, now: datetime) -> timedelta:
    going_on = now - subscription.paused_at if subscription.paused_at is not None else timedelta()
    return max(subscription.paused_for + going_on, timedelta())
