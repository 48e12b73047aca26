"""What is asked of an engine of our own beside what every bot is asked: its pairs, its trades, to sell them all."""

from bots.adapters import parsing
from bots.adapters.freqtrade import LARGE, FreqtradeAdapter
from bots.adapters.freqtrade_answers import is_refusal
from bots.enums import HealthReason
from tradewise.egress import AllowList, Client


class OwnFreqtrade(FreqtradeAdapter):
    """A Freqtrade that TradeWise started."""

    async def pairs(self) -> frozenset[str]:
        """The pairs that it really trades: those that the exchange does not know are missing. Raises AdapterError."""
        told = parsing.fields(await self._ask("whitelist"))
        return frozenset(pair for pair in parsing.items(told.get("whitelist")) if isinstance(pair, str))

    async def open_trade_count(self) -> int:
        """How many trades are open, those whose orders wait included. Raises AdapterError."""
        rows = await self._ask("status", max_bytes=LARGE)
        if not isinstance(rows, list):
            raise self._error(HealthReason.PROTOCOL)
        return len(rows)

    async def close_all(self) -> bool:
        """Ask to sell all that is held, at once. False where the engine cannot do it now. Raises AdapterError."""
        response = await self._call("POST", "forceexit", json={"tradeid": "all"})
        if is_refusal(response) or response.status == 500:
            # Freqtrade answers 500 where the exchange refuses an order; the next try may go better.
            return False
        return response.status == 200


def port_range(text: str) -> range:
    """`18100-18199`. Raises ValueError."""
    first, _, last = text.partition("-")
    ports = range(int(first), int(last or first) + 1)
    if not ports or ports[0] < 1024 or ports[-1] > 65535:
        raise ValueError("Ports of engines are from 1024 to 65535, the first not above the last.")
    return ports


def client_of_engines(ports: range, *, limit: int) -> Client:
    """May dial these ports of this machine, and nothing else at all.

    What a trader enters is never dialled by it, and the ordinary client never dials an engine of ours.
    """
    return Client(allow=AllowList.parse(f"127.0.0.1/32:{ports[0]}-{ports[-1]}"), limit=limit)
