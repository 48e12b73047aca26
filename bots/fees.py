"""What exchanges took of what bots bought and sold."""

from dataclasses import dataclass
from decimal import Decimal

from django.db.models import Count, QuerySet, Sum

from bots.models import BotTrade


@dataclass(frozen=True, slots=True)
class Fees:
    """Of closed trades, in the stake currency. None where one of them does not say, and of none."""

    trades: int
    paid: Decimal | None = None
    turnover: Decimal | None = None

    @property
    def rate(self) -> Decimal | None:
        """Of all that was bought and sold: 0.001 is 0.1 %."""
        return self.paid / self.turnover if self.paid is not None and self.turnover else None


def fees_of(trades: QuerySet[BotTrade]) -> Fees:
    """Of these trades together."""
    found = trades.aggregate(
        trades=Count("pk"), known=Count("fees"), paid=Sum("fees"), turnover=Sum("turnover")
    )
    count, known = found["trades"], found["known"]
    return Fees(count, found["paid"], found["turnover"]) if 0 < known == count else Fees(count)
