"""A template's result over the days of one subscription, read from its record. Asks no database.

The record's `curve` is one string of growth values, one for the end of each UTC day from `since` on: 1 is what was
there at the beginning, "-" a day on which nothing was seen.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from bots.enums import Mode

Record = Mapping[str, Any]

PLACES: Final = Decimal("1E-12")
LABELS: Final = ("tier", "mode", "version", "since", "currency", "is_replay", "ended", "fee_rate")
"""What is said of the record that a result was compared with. It stays with the result: the record may become
another bot's."""
LATEST: Final = 2
"""Days by which the record may end earlier than the subscription: it is read once in a while."""


@dataclass(frozen=True, slots=True)
class Against:
    """The template's return, and the last day that counts; or None, and why that cannot be known."""

    ratio: Decimal | None = None
    until: date | None = None
    reason: str = ""


def template_over(record: Record | None, *, mode: str, currency: str, since: date, until: date) -> Against:
    """From the end of the day before `since` to that of `until`, or shortly before."""
    reason = why_not(record, mode=mode, currency=currency)
    begun = day_of(record, "since")
    if record is None or begun is None or reason:
        return Against(reason=reason or "The template has no record.")
    levels = [_level(word) for word in str(record.get("curve") or "").split()]
    first = (since - begun).days
    if first < 0:
        return Against(reason="The template's record begins after your subscription.")
    if first > len(levels):
        return Against(reason="The template's record ends before your subscription begins.")
    before = levels[first - 1] if first else Decimal(1)
    last = min((until - begun).days, len(levels) - 1)
    while last > first and levels[last] is None and (until - begun).days - last < LATEST:
        last -= 1
    if last < first or (until - begun).days - last > LATEST:
        return Against(reason="The template's record does not reach to the same day.")
    after = levels[last]
    if before is None or after is None or before <= 0:
        return Against(reason="The template's bot was not seen on the first or the last of the days.")
    return Against(ratio=(after / before - 1).quantize(PLACES), until=begun + timedelta(days=last))


def why_not(record: Record | None, *, mode: str, currency: str) -> str:
    """Why the two can never be compared; empty where they can."""
    if not record:
        return "The template has no record."
    if is_invented(record) != (mode == Mode.SIMULATED) or (record.get("is_replay") and is_invented(record)):
        return "Invented prices are not compared with others."
    if record.get("currency") != currency:
        return "The template's record is in another currency."
    return ""


def is_invented(record: Record) -> bool:
    """Whether what it shows happened on prices that nobody ever paid."""
    return bool(record.get("is_replay")) or record.get("mode") == Mode.SIMULATED


def day_of(record: Record | None, key: str) -> date | None:
    """A day, or the day of a moment; None where there is none."""
    text = record.get(key) if record else None
    try:
        return date.fromisoformat(str(text)[:10]) if text else None
    except ValueError:
        return None


def ratio_of(record: Record | None, key: str) -> Decimal | None:
    """A ratio that was written as a string; None where it is not known."""
    value = record.get(key) if record else None
    return _level(str(value)) if value is not None else None


def _level(word: str) -> Decimal | None:
    try:
        value = Decimal(word)
    except InvalidOperation:
        return None
    return value if value.is_finite() else None
