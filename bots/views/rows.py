"""The rows of the fleet as finished strings.

Rendering is most of what a list of bots costs, so a row is rendered once and found by its values as long
as none of them changes. The values hold the bot's public id, so no row is anybody else's.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Final

from django.template.loader import get_template
from django.urls import reverse
from django.utils.safestring import SafeString

from bots.enums import BotStatus, Command, HealthReason
from bots.queries import WORKING, FleetFacts
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


@dataclass(frozen=True, slots=True)
class Row:
    """One bot in words, numbers and drawings that need no more work."""

    bot_id: str
    url: str
    name: str
    note: str
    classes: str
    status: str
    status_label: str
    problem: str
    dry_run: bool | None
    today: SafeString
    overall: SafeString
    open_trades: str
    spark: SafeString
    seen: str
    seen_html: SafeString
    offers: tuple[tuple[str, str], ...]
    may_stop: bool


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


def row_html(facts: FleetFacts, now: datetime) -> SafeString:
    """The row, rendered now or found."""
    return _rendered(facts, formatting.ago(facts.last_ping, now))


def rows_html(rows: Iterable[tuple[object, ...]], now: datetime) -> SafeString:
    """All rows of a page, put together."""
    make, ago, render = FleetFacts._make, formatting.ago, _rendered
    facts = map(make, rows)
    return SafeString("".join([render(row, ago(row.last_ping, now)) for row in facts]))


@lru_cache(maxsize=KEPT_ROWS)
def _rendered(facts: FleetFacts, seen: str) -> SafeString:
    html: SafeString = get_template("bots/_row.html").render({"row": _row(facts, seen)})  # type: ignore[assignment]
    return html


def _row(facts: FleetFacts, seen: str) -> Row:
    status, label = status_words(facts.status, facts.health, facts.command, is_under_way=facts.is_under_way)
    needs_attention = facts.status == BotStatus.ERROR or facts.health not in WORKING
    problem = ""
    if needs_attention:
        problem = facts.connection_error or HealthReason(facts.health).label
    elif facts.rejected_reason:
        problem = "Its figures are not updated: the exchange does not answer the bot."
    currency = facts.stake_currency
    return Row(
        bot_id=facts.bot_id,
        url=_base() + facts.bot_id + "/",
        name=facts.name or facts.bot_id,
        note=" · ".join(part for part in (facts.strategy, facts.exchange) if part),
        classes="is-error" if needs_attention else "",
        status=status,
        status_label=label,
        problem=problem,
        dry_run=facts.dry_run,
        today=formatting.change(facts.profit_today, currency),
        overall=formatting.change(facts.profit_all, currency),
        open_trades=_open_trades(facts.open_trade_count, facts.max_open_trades),
        spark=drawing.sparkline(_trend(facts.trend)),
        seen=seen,
        seen_html=_seen_html(facts.last_ping, seen),
        offers=offers_for(facts.status, is_under_way=facts.is_under_way),
        may_stop=may_stop(facts.status, is_under_way=facts.is_under_way),
    )


@cache
def _base() -> str:
    return reverse("bots:detail", args=["x"]).removesuffix("x/")


def _open_trades(count: int | None, most: int | None) -> str:
    if count is None:
        return formatting.UNKNOWN
    return f"{count} of {most}" if most else str(count)


def _trend(text: str | None) -> list[Decimal | None]:
    values = json.loads(text) if text else []
    return [None if value is None else Decimal(str(value)) for value in values]


def _seen_html(moment: datetime | None, seen: str) -> SafeString:
    if moment is None:
        return SafeString('<span class="muted">Never seen</span>')
    stamp = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    exact = formatting.exact(moment)
    return SafeString(f'<time datetime="{stamp}" title="{exact}" data-relative>{seen}</time>')
