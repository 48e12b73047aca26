"""When a bot is down, and what its trader is told of that: once for an outage, however often it is checked.

An outage is a row from its first turn to down until the bot answers again. What is written here is written in the
transaction that writes what was seen.
"""

import uuid
from datetime import UTC, datetime
from typing import Final, LiteralString, NamedTuple

from django.urls import reverse

from accounts.enums import Event
from accounts.services.notifying import Notice
from tradewise.web.formatting import span

#: Of bots that are down: those whose outage begins with this. Two arrays of the same length.
BEGIN: Final[LiteralString] = """
INSERT INTO bot_outages (tenant_id, bot_id) SELECT * FROM unnest(%s::uuid[], %s::int[])
ON CONFLICT (bot_id) DO NOTHING RETURNING bot_id, since"""
#: Of bots that answer: those that were down until now, and since when.
END: Final[LiteralString] = """
DELETE FROM bot_outages WHERE bot_id = ANY(%s::int[])
RETURNING bot_id, since, extract(epoch FROM now() - since)::int"""


class Known(NamedTuple):
    """Whose bot it is, and what it is called."""

    tenant_id: uuid.UUID
    bot_id: str
    name: str | None


def down(bot: Known, since: datetime, sentence: str) -> Notice:
    """It is down since then."""
    return _notice(bot, Event.BOT_DOWN, _moment(since), "is down", sentence)


def up(bot: Known, since: datetime, seconds: int, sentence: str) -> Notice:
    """It answers again, after an outage that began then."""
    text = f"It answers again. It was down for {span(max(seconds, 0))}. {sentence}".strip()
    return _notice(bot, Event.BOT_UP, _moment(since), "works again", text)


def stopped(bot: Known, occurrence: datetime, sentence: str) -> Notice:
    """It stopped, and nobody had asked for that."""
    return _notice(bot, Event.BOT_STOPPED, _moment(occurrence), "stopped by itself", sentence)


def given_up(bot: Known, occurrence: datetime, sentence: str) -> Notice:
    """It does not run, and is not started again by itself."""
    return _notice(bot, Event.BOT_STOPPED, _moment(occurrence), "does not run any more", sentence)


def _notice(bot: Known, event: Event, occurrence: str, what: str, sentence: str) -> Notice:
    name = bot.name or bot.bot_id
    return Notice(
        tenant_id=bot.tenant_id,
        event=event,
        subject=bot.bot_id,
        occurrence=occurrence,
        name=name,
        title=f"{name} {what}",
        text=f"{name} {what}. {sentence}".strip(),
        path=reverse("bots:detail", args=[bot.bot_id]),
    )


def _moment(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
