"""A template as the list shows it. Whatever its record's JSON holds, a card says what can be read of it and no more."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from bots.strategies import needs
from bots.views.launch import BY_VALUE
from marketplace import queries
from marketplace.exceptions import TemplateNotStartable
from marketplace.models import BotTemplate
from marketplace.records import Tier
from marketplace.records.evidence import MODES, day_in_words
from marketplace.services.starting import configuration_of
from tradewise.web import formatting

#: Points of a curve on a card, which is about as many pixels wide.
MOST_POINTS: Final = 60
#: Cards that this process keeps: a page of them takes longer to draw than to find.
MOST_KEPT: Final = 2_000
_NUMBER: Final = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,30})?")
_BADGES: Final = {Tier.RUN_BY_TRADEWISE: "Run by TradeWise", Tier.OBSERVED: "Observed"}
DEMO: Final = "Demo"
"""What was replayed on invented prices is run by nobody."""

_kept: dict[tuple[int, str], SafeString] = {}


@dataclass(frozen=True, slots=True)
class CardRecord:
    """What was seen of a template's bot, as far as it is known and may be told."""

    badge: str
    mode: str
    #: Of what period and money a figure is: "since 3 May 2026, dry run".
    base: str
    is_enough: bool
    #: Why there are no figures.
    sentence: str
    result: Decimal | None
    drawdown: Decimal | None
    days: int | None
    trades: int | None
    curve: Sequence[Decimal | None]
    #: The version that ran, where it is not the one that is published.
    earlier: str
    is_ended: bool


@dataclass(frozen=True, slots=True)
class Card:
    """`reason` says why no bot starts from it."""

    template: BotTemplate
    kind: str
    record: CardRecord | None
    needed: str = ""
    pairs: str = ""
    timeframe: str = ""
    reason: str = ""


def cards(numbers: Sequence[int]) -> list[SafeString]:
    """The cards of these templates, in this order. What was drawn is kept for as long as its row stays the same."""
    versions = queries.row_versions(numbers)
    keys = [(number, versions[number]) for number in numbers if number in versions]
    # Another thread may throw all of them away meanwhile.
    drawn = {key: kept for key in keys if (kept := _kept.get(key)) is not None}
    missing = [key for key in keys if key not in drawn]
    if missing:
        found = queries.public_templates([number for number, _ in missing])
        for key in missing:
            if key[0] in found:
                drawn[key] = render_to_string("marketplace/_card.html", {"card": card(found[key[0]])})
        if len(_kept) + len(missing) > MOST_KEPT:
            _kept.clear()
        _kept.update(drawn)
    return [drawn[key] for key in keys if key in drawn]


def card(template: BotTemplate) -> Card:
    """What the list says of it."""
    record = record_of(template.performance_data, template.version)
    kind = template.get_strategy_type_display() if template.strategy_type else ""
    try:
        configuration = configuration_of(template)
    except TemplateNotStartable as refusal:
        return Card(template, kind, record, reason=str(refusal))
    needed = template.needed_allocation or needs.needed_allocation(configuration)
    return Card(
        template,
        BY_VALUE[configuration.strategy].title,
        record,
        needed=formatting.amount(needed, configuration.stake_currency),
        pairs=", ".join(configuration.pairs),
        timeframe=configuration.timeframe,
    )


def record_of(data: object, version: int) -> CardRecord | None:
    """The record in `performance_data`; None where there is none, which is a self-reported template."""
    if not isinstance(data, Mapping) or data.get("tier") not in _BADGES:
        return None
    mode = _mode(data)
    is_enough = data.get("is_enough") is True
    ran = _whole(data.get("version"))
    return CardRecord(
        badge=DEMO if data.get("is_replay") is True else _BADGES[Tier(str(data["tier"]))],
        mode=mode,
        base=f"{_since(data.get('since'))}, {MODES.get(mode, 'dry run or real money unknown')}",
        is_enough=is_enough,
        sentence=str(data.get("sentence") or "Not enough data.")[:300],
        result=_ratio(data.get("return")) if is_enough else None,
        drawdown=_ratio(data.get("drawdown")) if is_enough else None,
        days=_whole(data.get("days_observed")),
        trades=_whole(data.get("trades")),
        curve=_curve(data.get("curve")) if is_enough else (),
        earlier=f"Record of version {ran}" if ran is not None and ran != version else "",
        is_ended=data.get("ended") is True,
    )


def _mode(data: Mapping[str, Any]) -> str:
    """Invented prices are told as such, whatever else is said; and what is said of no known mode as unknown."""
    mode = data.get("mode")
    if data.get("is_replay") is True or mode == "simulated":
        return "simulated"
    return mode if isinstance(mode, str) and mode in MODES else ""


def _since(text: object) -> str:
    try:
        return f"since {day_in_words(date.fromisoformat(str(text)))}"
    except ValueError:
        return "since it was first seen"


def _ratio(text: object) -> Decimal | None:
    return Decimal(text) if isinstance(text, str) and _NUMBER.fullmatch(text) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _curve(text: object) -> Sequence[Decimal | None]:
    """So many points at most, at equal distances, the last day among them."""
    days = text.split(" ") if isinstance(text, str) else []
    step = -(-len(days) // MOST_POINTS) or 1
    return [_ratio(day) for day in days[::-1][::step][::-1]]
