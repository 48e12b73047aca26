"""Figures and times in words: the same everywhere, and fast, since a page of bots shows hundreds.

Functions that return `SafeString` escape every part that came from outside (a currency is a bot's own word).
Signs: a real minus (U+2212), a narrow no-break space (U+202F) between thousands, a no-break space before
the unit. What is not known is "—", never 0.
"""

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

from django.utils.html import escape
from django.utils.safestring import SafeString

UNKNOWN = "—"
MINUS = "\u2212"
THIN = "\u202f"
NBSP = "\u00a0"

#: Decimal places that people are used to; every other currency has 2 from 100, 4 from 1, else 8.
#: From 10 on nobody reads a fifth.
PLACES: dict[str, int] = {
    **dict.fromkeys(
        ("USDT", "USDC", "USD", "EUR", "GBP", "CHF", "BUSD", "FDUSD", "TUSD", "DAI", "AUD", "CAD"), 2
    ),
    **dict.fromkeys(("JPY", "KRW"), 0),
    **dict.fromkeys(("BTC", "XBT"), 8),
    **dict.fromkeys(("ETH", "BNB"), 6),
}
SMALLEST = 8
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

MINUTE, HOUR, DAY = 60, 3600, 86400


# ——— amounts ———


def number(value: Decimal | int | None, places: int = 2) -> str:
    """`1 234.50` with `places` decimals; no sign but a minus."""
    if value is None or not _finite(value):
        return UNKNOWN
    text = f"{value:,.{places}f}".replace(",", THIN)
    if text[0] == "-":
        return text[1:] if _is_zero(text) else MINUS + text[1:]
    return text


def amount(value: Decimal | None, currency: str | None) -> str:
    """What there is: `1 234.50 USDT`."""
    if value is None or not _finite(value):
        return UNKNOWN
    text = number(value, _places(value, currency))
    return f"{text}{NBSP}{currency}" if currency else text


def money(value: Decimal | None, currency: str | None) -> str:
    """What was won or lost, always signed: `+12.34 USDT`. Zero has no sign."""
    if value is None or not _finite(value):
        return UNKNOWN
    text = _signed(value, _places(value, currency))
    return f"{text}{NBSP}{currency}" if currency else text


def percent(ratio: Decimal | float | None, base: str = "", places: int = 2) -> str:
    """A ratio (0.0321) as `+3.21%`, with the words that say of what: `+3.21% since 3 May, dry run`."""
    if ratio is None or not _finite(ratio):
        return UNKNOWN
    text = f"{_signed(ratio * 100, places)}%"
    return f"{text} {base}" if base else text


def share(ratio: Decimal | float | None, places: int = 2) -> str:
    """A ratio that is no gain or loss (0.0321) as `3.21%`, without a sign."""
    return UNKNOWN if ratio is None or not _finite(ratio) else f"{number(Decimal(ratio) * 100, places)}%"


def change(value: Decimal | None, currency: str | None) -> SafeString:
    """`money` with its arrow and its colour; the sign stays for those who see neither."""
    if value is None or not _finite(value):
        return _UNKNOWN_CELL
    text = _signed(value, _places(value, currency))
    return SafeString(_open(text) + text + _unit(currency) + "</span>")


def change_percent(ratio: Decimal | float | None, places: int = 2) -> SafeString:
    """`percent` with its arrow and its colour. Put its base into the label or the sentence beside it."""
    if ratio is None or not _finite(ratio):
        return _UNKNOWN_CELL
    text = _signed(ratio * 100, places)
    return SafeString(_open(text) + text + "%</span>")


def amount_html(value: Decimal | None, currency: str | None) -> SafeString:
    """`amount` with the unit set back."""
    if value is None or not _finite(value):
        return _UNKNOWN_CELL
    return SafeString(number(value, _places(value, currency)) + _unit(currency))


def direction(value: Decimal | float | None) -> str:
    """The CSS class of a figure: gain, loss or flat."""
    if value is None or not _finite(value) or not value:
        return "flat"
    return "gain" if value > 0 else "loss"


_UNKNOWN_CELL = SafeString(f'<span class="flat muted" title="Not known">{UNKNOWN}</span>')
_GAIN = '<span class="gain"><span class="arrow" aria-hidden="true">▲</span>' + NBSP
_LOSS = '<span class="loss"><span class="arrow" aria-hidden="true">▼</span>' + NBSP
_FLAT = '<span class="flat">'


def _open(signed: str) -> str:
    first = signed[0]
    return _GAIN if first == "+" else _LOSS if first == MINUS else _FLAT


def _finite(value: Decimal | float) -> bool:
    if isinstance(value, Decimal):
        return value.is_finite()
    return value == value and value not in (float("inf"), float("-inf"))


def _signed(value: Decimal | float, places: int) -> str:
    text = f"{value:+,.{places}f}".replace(",", THIN)
    if _is_zero(text):
        return text[1:]
    return MINUS + text[1:] if text[0] == "-" else text


def _is_zero(text: str) -> bool:
    return not text.strip("+-0." + THIN)


def _places(value: Decimal, currency: str | None) -> int:
    size = abs(value)
    places = PLACES.get(currency or "")
    if places is None:
        places = 2 if size >= 100 else 4 if size >= 1 else SMALLEST
    elif size >= 10:
        places = min(places, 4)
    # Something is not nothing: 0.0034 USDT is shown as that, and not as 0.00.
    while size and places < SMALLEST and size * 10**places < 1:
        places += 2
    return min(places, SMALLEST)


@lru_cache(maxsize=256)
def _unit(currency: str | None) -> str:
    return f'{NBSP}<span class="unit">{escape(currency)}</span>' if currency else ""


# ——— times ———


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """`12 s ago`, `3 min ago`, `5 h ago`, `9 d ago`, from 60 days on the date; `in 5 min` for what comes."""
    if moment is None:
        return "never"
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    if seconds >= 60 * DAY:
        return day(moment)
    if abs(seconds) < 1:
        return "now"
    return f"in {span(-seconds)}" if seconds < 0 else f"{span(seconds)} ago"


def span(seconds: float) -> str:
    """A length of time in its one fitting unit: `89 s`, `12 min`, `30 h`, `4 d`."""
    if seconds < 90:
        return f"{int(seconds)}{NBSP}s"
    if seconds < 90 * MINUTE:
        return f"{int(seconds // MINUTE)}{NBSP}min"
    if seconds < 36 * HOUR:
        return f"{int(seconds // HOUR)}{NBSP}h"
    return f"{int(seconds // DAY)}{NBSP}d"


def exact(moment: datetime | None) -> str:
    """`23 Nov 2026, 11:52:03 UTC`."""
    if moment is None:
        return "never"
    moment = moment.astimezone(UTC)
    return f"{day(moment)}, {moment:%H:%M:%S} UTC"


def day(moment: date) -> str:
    """`23 Nov 2026`."""
    return f"{moment.day}{NBSP}{MONTHS[moment.month - 1]}{NBSP}{moment.year}"


def time_html(moment: datetime | None, now: datetime | None = None) -> SafeString:
    """The relative time, which app.js keeps fresh, with the exact one in `title` and `datetime`."""
    if moment is None:
        return SafeString("never")
    stamp = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return SafeString(
        f'<time datetime="{stamp}" title="{exact(moment)}" data-relative>{ago(moment, now)}</time>'
    )
