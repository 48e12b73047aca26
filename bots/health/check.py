"""One check of one bot: open its token, ask, send its command, read its figures."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from django.views.decorators.debug import sensitive_variables

from bots.adapters import Adapter, AdapterError, Credentials, CredentialsError, Probe, adapter_for
from bots.enums import BotType, Command, HealthReason
from bots.health import readings
from bots.health.commands import Next, Step, is_late, next_step, refused
from bots.health.leased import Leased
from bots.health.readings import Reading
from bots.health.record import anew, turn
from bots.health.verdict import Verdict, is_as_before, judge
from bots.services.tokens import token_context
from tradewise.egress import Client, EgressError
from tradewise.secrets import SecretsError, open_sealed

logger = logging.getLogger(__name__)

READING_SECONDS: Final = 30.0
LONGEST_CHECK: Final = 35.0
"""Seconds for what follows the first look; both together are shorter than a lease."""
CANNOT_OPEN: Final = (
    "The user name and password of this bot cannot be opened any more: the address or the keys of the server "
    "have changed. Enter them again."
)
#: What was not sent because nobody took the connection.
_NEVER_ARRIVED: Final = frozenset(
    {HealthReason.REFUSED, HealthReason.UNREACHABLE, HealthReason.NAME_NOT_FOUND, HealthReason.TLS}
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a check found. Without a verdict: `seen` as it was before, or nothing that could be known."""

    bot: Leased
    seen: Probe | None = None
    verdict: Verdict | None = None
    was_sent: bool = False
    reading: Reading | None = None
    figures_asked: bool = False


@dataclass(frozen=True, slots=True)
class Checker:
    """Checks traders' own bots through one client, and engines of ours through `engines`.

    `seconds` is the patience for an answer, `interval` the usual pause.

    `about_to_send` notes in the database that a bot is being asked to reload, and says whether it still should.
    """

    client: Client
    engines: Client
    interval: int
    seconds: float
    about_to_send: Callable[[Leased], Awaitable[bool]]

    async def check(self, bot: Leased) -> Outcome:
        """Never raises for what a bot does; a check that fails by a fault of ours knows nothing."""
        try:
            return await self._check(bot)
        except (OSError, TimeoutError):
            # No socket left, or far too many questions: that is about us and makes no bot DOWN.
            logger.warning("a check had no means to be made bot=%s", bot.bot_id)
        except Exception:
            logger.exception("a check failed by itself bot=%s", bot.bot_id)
        return Outcome(bot)

    async def _check(self, bot: Leased) -> Outcome:
        try:
            credentials = _credentials(bot)
        except (SecretsError, CredentialsError, EgressError):
            return self._locked_out(bot)
        client = self.client if bot.bot_type == BotType.EXTERNAL else self.engines
        adapter = adapter_for("freqtrade", client, bot.api_url, credentials, seconds=self.seconds)
        # A hanging loop is seen only by a thorough look; one that hung needs another to be well again.
        thorough = bot.figures_due or bot.health == HealthReason.HUNG
        seen = await adapter.probe(thorough=thorough)
        if not bot.figures_due and is_as_before(bot, seen):
            return Outcome(bot, seen)
        async with asyncio.timeout(LONGEST_CHECK):
            return await self._look_closer(bot, adapter, seen)

    async def _look_closer(self, bot: Leased, adapter: Adapter, seen: Probe) -> Outcome:
        was_sent = bot.command_sent_at is not None
        step = next_step(bot, seen, sent=was_sent)
        if step.step is Step.SEND:
            step, seen, was_sent = await self._send(bot, adapter, seen)
        reading, asked, error = None, False, None
        if bot.figures_due and seen.state is not None and step.step in (Step.NOTHING, Step.END):
            reading, asked = await _read(adapter, anew(bot) if turn(bot, seen) else bot), True
            error = reading.exchange_error(bot.api_url) if reading is not None else None
        verdict = judge(
            bot,
            seen,
            interval=self.interval,
            step=step,
            exchange_error=error,
            prices_read=reading is not None,
        )
        return Outcome(bot, seen, verdict, was_sent, reading, asked)

    async def _send(self, bot: Leased, adapter: Adapter, seen: Probe) -> tuple[Next, Probe, bool]:
        """Ask, and look at once: start, stop and pause show immediately, though the loop acts a little later.

        A worker killed between the two asks again, which changes nothing. Only a second reload would do
        something, so for that one it is written first that it is being sent.
        """
        command = Command(bot.command)
        if command is Command.RELOAD and not await self.about_to_send(bot):
            return Next(Step.WAIT), seen, False
        try:
            await adapter.command(command)
        except AdapterError as error:
            may_have_arrived = command is Command.RELOAD and error.reason not in _NEVER_ARRIVED
            step = refused(command, error.reason, error.sentence, is_late=is_late(bot))
            return step, seen, may_have_arrived
        if command is Command.RELOAD:
            return Next(Step.WAIT), seen, True
        again = await adapter.probe()
        return next_step(bot, again, sent=True), again, True

    def _locked_out(self, bot: Leased) -> Outcome:
        seen = Probe(reason=HealthReason.NEEDS_TOKEN, sentence=CANNOT_OPEN, latency_ms=0)
        step = next_step(bot, seen, sent=False)
        return Outcome(bot, seen, judge(bot, seen, interval=self.interval, step=step))


@sensitive_variables()
def _credentials(bot: Leased) -> Credentials:
    context = token_context(bot.tenant_id, bot.bot_id, bot.api_url)
    return Credentials.parse(open_sealed(bot.api_token, context=context).reveal())


async def _read(adapter: Adapter, bot: Leased) -> Reading | None:
    try:
        async with asyncio.timeout(READING_SECONDS):
            return await readings.read(adapter, bot)
    except TimeoutError:
        return None
