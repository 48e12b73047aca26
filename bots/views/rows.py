"""The rows of the fleet as finished strings.

Rendering is most of what a list of bots costs. So the template renders each shape of a row once, with blanks
where its text belongs, and a row is that text, escaped, in the blanks: a tenth of the time. A row that was
filled is found by its values as long as none of them changes but the time of the last check, which almost
always does. The values hold the bot's public id, so no row is anybody else's.
"""

import json
from collections.abc import Iterable
from datetime import datetime
from functools import cache, lru_cache
from typing import Final, NamedTuple

from django.template.loader import get_template
from django.urls import reverse
from django.utils.html import conditional_escape
from django.utils.safestring import SafeString

from bots.enums import BotStatus, Command, HealthReason
from bots.queries import WORKING, FleetFacts
from bots.strategies import kinds
from bots.views.engine import engine_offers
from bots.views.launch import BY_VALUE
from tradewise.web import drawing, formatting

KEPT_ROWS: Final = 4096

ON_THE_WAY: Final = {
    Command.START: "Starting",
    Command.STOP: "Stopping",
    Command.PAUSE: "Pausing",
    Command.RELOAD: "Reloading",
}
_START: Final = ("start", "Start")
_RESUME: Final = ("resume", "Resume")
_PAUSE: Final = ("pause", "Pause")
_CHECK: Final = ("check", "Check now")
_OFFERS: Final = {
    BotStatus.RUNNING: (_PAUSE,),
    BotStatus.CONNECTED: (_RESUME,),
    BotStatus.INACTIVE: (_START,),
    BotStatus.STARTING: (_CHECK,),
    BotStatus.STOPPING: (_CHECK,),
    BotStatus.ERROR: (_CHECK,),
}
MAY_STOP: Final = frozenset({BotStatus.RUNNING, BotStatus.CONNECTED, BotStatus.STARTING})


#: What the classes that our engines run are called by people.
STRATEGIES: Final = {name: BY_VALUE[kind].title for kind, name in kinds.STRATEGY.items()}


class Shape(NamedTuple):
    """What decides which elements a row has. There are few shapes, whatever the number of bots."""

    is_error: bool
    has_problem: bool
    has_note: bool
    status: str
    label: str
    mode: str
    offers: tuple[tuple[str, str], ...]
    may_stop: bool


#: What stands in for a text while a shape is rendered: no bot's name can hold NUL, PostgreSQL refuses it.
BLANK: Final = "\0"
SEEN: Final = f"{BLANK}seen{BLANK}"
TEXTS: Final = ("bot_id", "url", "name", "problem", "note", "today", "overall", "open_trades", "spark")


def status_words(status: str, health: str, command: str, *, is_under_way: bool) -> tuple[str, str]:
    """The status's class and its word, as people see it: what is on its way goes before what is."""
    if command and is_under_way:
        return ("stopping" if command in (Command.STOP, Command.PAUSE) else "starting"), ON_THE_WAY[
            Command(command)
        ]
    if health == HealthReason.NEEDS_TOKEN:
        return "error", "Password needed"
    if health == HealthReason.UNKNOWN and status == BotStatus.INACTIVE:
        return "unknown", "Not checked yet"
    return status, BotStatus(status).label


def offers_for(status: str, *, is_under_way: bool) -> tuple[tuple[str, str], ...]:
    """What a trader may do at a click, as (name of the view, word on the button)."""
    return () if is_under_way else _OFFERS[BotStatus(status)]


def may_stop(status: str, *, is_under_way: bool) -> bool:
    """Whether stopping is offered."""
    return not is_under_way and status in MAY_STOP


def offers_of(facts: FleetFacts) -> tuple[tuple[tuple[str, str], ...], bool]:
    """What the row offers, and whether stopping is among it: an engine can be stopped whatever is on its way."""
    if facts.phase is None:
        under_way = facts.is_under_way
        return offers_for(facts.status, is_under_way=under_way), may_stop(
            facts.status, is_under_way=under_way
        )
    offers, stops = engine_offers(facts.status, facts.phase, facts.desired_state)
    return (() if facts.is_under_way else offers), stops


def row_html(facts: FleetFacts, now: datetime) -> SafeString:
    """The row, filled now or found."""
    return rows_html([facts], now)


def rows_html(rows: Iterable[tuple[object, ...]], now: datetime) -> SafeString:
    """All rows of a page, put together."""
    parts: list[str] = []
    for values in rows:
        facts = FleetFacts._make(values)
        before, after = _around_seen(facts._replace(last_ping=None))
        parts += (before, _seen_html(facts.last_ping, now), after)
    return SafeString("".join(parts))


@lru_cache(maxsize=KEPT_ROWS)
def _around_seen(facts: FleetFacts) -> tuple[str, str]:
    """The row as far as the cell that says when the bot was seen last, and the rest of it."""
    needs_attention = facts.status == BotStatus.ERROR or facts.health not in WORKING
    problem = _problem(facts, needs_attention=needs_attention)
    strategy = facts.strategy if facts.phase is None else STRATEGIES.get(facts.strategy, facts.strategy)
    note = " · ".join(part for part in (strategy, facts.exchange) if part)
    status, label = status_words(facts.status, facts.health, facts.command, is_under_way=facts.is_under_way)
    offers, stops = offers_of(facts)
    shape = Shape(
        is_error=needs_attention,
        has_problem=bool(problem),
        has_note=bool(note),
        status=status,
        label=label,
        mode=facts.mode,
        offers=offers,
        may_stop=stops,
    )
    texts = {
        "bot_id": facts.bot_id,
        "url": _base() + facts.bot_id + "/",
        "name": facts.name or facts.bot_id,
        "problem": problem,
        "note": note,
        "today": formatting.change(facts.profit_today, facts.stake_currency),
        "overall": formatting.change(facts.profit_all, facts.stake_currency),
        "open_trades": _open_trades(facts.open_trade_count, facts.max_open_trades),
        "spark": _spark(facts.trend),
    }
    filled = _pattern(shape) % {name: conditional_escape(text) for name, text in texts.items()}
    before, _, after = filled.partition(SEEN)
    return before, after


@lru_cache(maxsize=1024)
def _pattern(shape: Shape) -> str:
    """The row of that shape, rendered by its template, as a pattern for the % operator."""
    row = {**shape._asdict(), **{name: f"{BLANK}{name}{BLANK}" for name in TEXTS}, "seen": SEEN}
    html: str = get_template("bots/_row.html").render({"row": row})
    pattern = html.replace("%", "%%")
    for name in TEXTS:
        pattern = pattern.replace(f"{BLANK}{name}{BLANK}", f"%({name})s")
    return pattern


def _problem(facts: FleetFacts, *, needs_attention: bool) -> str:
    if needs_attention:
        return facts.connection_error or HealthReason(facts.health).label
    if facts.rejected_reason:
        return "Its figures are not updated: the exchange does not answer the bot."
    return ""


@cache
def _base() -> str:
    return reverse("bots:detail", args=["x"]).removesuffix("x/")


def _open_trades(count: int | None, most: int | None) -> str:
    if count is None:
        return formatting.UNKNOWN
    return f"{count} of {most}" if most else str(count)


@lru_cache(maxsize=KEPT_ROWS)
def _spark(trend: str | None) -> SafeString:
    """Kept by itself: it changes once a day, and is half of what a row costs."""
    values = json.loads(trend) if trend else []
    return drawing.sparkline([None if value is None else float(value) for value in values])


def _seen_html(moment: datetime | None, now: datetime) -> str:
    if moment is None:
        return '<span class="muted">Never seen</span>'
    stamp = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    ago, exact = formatting.ago(moment, now), formatting.exact(moment)
    return f'<time datetime="{stamp}" title="{exact}" data-relative>{ago}</time>'


def forget() -> None:
    """Keep no row any longer; the patterns stay, which hold nothing of a bot."""
    _around_seen.cache_clear()
    _spark.cache_clear()
