"""Asking a bot that is not saved yet: over the network, so outside every transaction."""

import asyncio
from typing import Final

from django.views.decorators.debug import sensitive_variables

from bots.adapters import Credentials, Probe, adapter_for
from bots.enums import HealthReason
from tradewise.egress import Client

TOTAL_SECONDS: Final = 8.0
FINE: Final = frozenset({HealthReason.OK, HealthReason.PAUSED, HealthReason.STOPPED})


def answers_well(probe: Probe) -> bool:
    """Whether the bot at the address is one that can be connected, whatever it is doing."""
    return probe.reason in FINE


@sensitive_variables()
def diagnose(url: str, credentials: Credentials) -> Probe:
    """What a bot says of itself, or why it says nothing. Takes at most 8 s and saves nothing."""
    return asyncio.run(_probe(url, credentials))


@sensitive_variables()
async def _probe(url: str, credentials: Credentials) -> Probe:
    try:
        async with asyncio.timeout(TOTAL_SECONDS), Client(limit=1) as client:
            return await adapter_for("freqtrade", client, url, credentials).probe()
    except TimeoutError:
        return Probe(
            reason=HealthReason.TIMED_OUT,
            sentence="The bot did not answer within 8 seconds. Check that its machine is on, and that its "
            "firewall lets TradeWise through.",
            latency_ms=round(TOTAL_SECONDS * 1000),
        )
