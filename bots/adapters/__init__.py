"""Talking to a bot, whatever its engine. A further engine is a file beside `freqtrade.py` and a line here."""

from typing import Final

from bots.adapters.base import (
    Adapter,
    AdapterError,
    ClosedTrade,
    Credentials,
    CredentialsError,
    DayResult,
    Figures,
    LoopSample,
    OpenTrade,
    Probe,
    Rejection,
)
from bots.adapters.freqtrade import FreqtradeAdapter
from tradewise.egress import Client

ADAPTERS: Final = {"freqtrade": FreqtradeAdapter}


def adapter_for(
    kind: str, client: Client, url: str, credentials: Credentials | None, *, seconds: float = 8.0
) -> Adapter:
    """The adapter of an engine; `kind` is its name, `seconds` what an answer may take at most.

    Raises ValueError for an engine that is not known.
    """
    try:
        return ADAPTERS[kind](client, url, credentials, seconds=seconds)
    except KeyError:
        raise ValueError(f"There is no adapter for the engine {kind!r}.") from None


__all__ = [
    "Adapter",
    "AdapterError",
    "ClosedTrade",
    "Credentials",
    "CredentialsError",
    "DayResult",
    "Figures",
    "LoopSample",
    "OpenTrade",
    "Probe",
    "Rejection",
    "adapter_for",
]
