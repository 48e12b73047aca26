"""One check of one bot: send what its trader asked for, look at it, and read its figures when they are due."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from django.conf import settings

from bots.adapters import (
    Adapter,
    AdapterError,
    Credentials,
    CredentialsError,
    Probe,
    adapter_for,
)
from bots.adapters.sentences import Words
from bots.enums import Command, HealthReason
from bots.health.leased import Leased
from bots.health.queue import Result
from bots.health.reading import Reading
from bots.health.verdict import ANSWERS, Seen, judge
from bots.services.tokens import token_context
from tradewise.egress import Client
from tradewise.secrets import SealBroken, open_sealed

log = logging.getLogger(__name__)

#: Seconds for all figures of a bot together; the lease is longer.
FIGURES_SECONDS: Final = 20.0

MarkSent = Callable[[Leased], Awaitable[bool]]

#: What a bot says about a command for good; everything else may pass and is tried again.
REFUSALS: Final = frozenset(
    {
        HealthReason.AUTH,
        HealthReason.TOO_OLD,
        HealthReason.NOT_FREQTRADE,
        HealthReason.NO_TRADER,
        HealthReason.FORBIDDEN,
        HealthReason.MALFORMED,
        HealthReason.NEEDS_TOKEN,
    }
)


async def check(client: Client, was: Leased, mark_sent: MarkSent) -> Result:
    """Check one bot. Raises OSError when this process has no socket left, CannotOpen without its key."""
    try:
        adapter = _adapter(client, was)
    except (SealBroken, CredentialsError):
        seen = Seen(_probe(was, HealthReason.NEEDS_TOKEN))
        return Result(was, seen, judge(was, seen))
    sent, refusal = False, ""
    if was.command and was.sent_age is None:
        sent, refusal = await _send(adapter, was, mark_sent)
    probe = await adapter.probe(thorough=was.figures_due)
    reading = await _read(adapter, was) if was.figures_due and probe.reason in ANSWERS else None
    seen = Seen(probe, sent=sent, refusal=refusal, figures=reading.figures if reading else None)
    return Result(was, seen, judge(was, seen), reading)


def failed(was: Leased) -> Result:
    """The result of a check that broke for a reason of ours: a failure, so that it is not tried for ever."""
    seen = Seen(_probe(was, HealthReason.PROTOCOL))
    return Result(was, seen, judge(was, seen))


def _probe(was: Leased, reason: HealthReason) -> Probe:
    return Probe(reason=reason, sentence=Words(was.api_url).about(reason), latency_ms=0)


def _adapter(client: Client, was: Leased) -> Adapter:
    """Opens the token: this is the one place in which a bot's password is in the clear."""
    context = token_context(was.tenant_id, was.bot_id, was.api_url)
    credentials = Credentials.parse(open_sealed(was.api_token, context=context).reveal())
    return adapter_for("freqtrade", client, was.api_url, credentials, seconds=settings.BOT_CHECK_TIMEOUT)


async def _send(adapter: Adapter, was: Leased, mark_sent: MarkSent) -> tuple[bool, str]:
    """(sent now, the sentence of a refusal). Sent twice, start, stop and pause do once what they do.

    A second reload would interrupt the bot again, so that one is marked as sent before it is.
    """
    command = Command(was.command)
    if command == Command.RELOAD and not await mark_sent(was):
        return False, ""
    try:
        await adapter.command(command)
    except AdapterError as error:
        return False, error.sentence if error.reason in REFUSALS else ""
    return True, ""


async def _read(adapter: Adapter, was: Leased) -> Reading | None:
    """The figures and the trades closed since; None where the bot did not give them this time."""
    try:
        async with asyncio.timeout(FIGURES_SECONDS):
            figures = await adapter.figures(known_capital=was.starting_capital)
            # A bot whose database was reset counts its trades from 1 again.
            reset = was.closed_trades is not None and figures.closed_trades < was.closed_trades
            after = 0 if reset else was.last_trade_id
            if figures.closed_trades == was.closed_trades:
                return Reading(was, figures, (), after)
            return Reading(was, figures, await adapter.trades(after), after)
    except TimeoutError:
        log.warning("figures of bot %s took too long", was.bot_id)
    except AdapterError as error:
        log.warning("figures of bot %s could not be read: %s", was.bot_id, error.reason)
    return None
