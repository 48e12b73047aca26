"""The figures of one bot as they were read, until they are written."""

from dataclasses import dataclass

from bots.adapters import ClosedTrade, Figures
from bots.health.leased import Leased


@dataclass(frozen=True, slots=True)
class Reading:
    """`trades` are the closed trades after the cursor `after`."""

    was: Leased
    figures: Figures
    trades: tuple[ClosedTrade, ...] = ()
    after: int = 0

    @property
    def next_cursor(self) -> int:
        """The trade id after which to ask next time.

        A trade may close after one with a higher id, so the cursor stays below the lowest open one.
        """
        highest = max([self.after, *(trade.trade_id for trade in self.trades)])
        lowest_open = min((trade.trade_id for trade in self.figures.open_trades), default=highest + 1)
        return max(0, min(highest, lowest_open - 1))
