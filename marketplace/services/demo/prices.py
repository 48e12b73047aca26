"""What the pairs of the simulated exchange cost, for whoever compares a replay with buying and holding."""

from datetime import date
from decimal import Decimal

from tradewise.simulation import history


def demo_prices(pair: str, day: date) -> Decimal | None:
    """The close of that day (UTC), always the same; None where the simulated exchange has no such price."""
    try:
        return history.close_of_day(pair, day)
    except (KeyError, ValueError):
        return None
