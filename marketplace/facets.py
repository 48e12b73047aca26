"""What templates are filtered by: every option is a tag of a template, and those that are counted have a bit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from marketplace.enums import RiskLevel, StrategyType

TIERS: Final = (
    ("run_by_tradewise", "Run by TradeWise"),
    ("observed", "Observed"),
    ("simulated", "Invented prices"),
    ("none", "No record"),
)
TIMEFRAMES: Final = ("1m", "3m", "5m", "15m", "30m", "1h", "4h", "1d")
#: Amounts that a trader may have. A template is tagged with each that is enough for it.
AMOUNTS: Final = (50, 100, 250, 500, 1000, 2500, 5000, 10_000, 50_000)


@dataclass(frozen=True, slots=True)
class Facet:
    """One thing to filter by. Its options are (value, what a person reads)."""

    name: str
    label: str
    options: tuple[tuple[str, str], ...]

    def tag(self, value: str) -> str:
        """As templates bear it."""
        return f"{self.name}:{value}"


FACETS: Final = (
    Facet("risk", "Risk", tuple((value, label) for value, label in RiskLevel.choices)),
    Facet("kind", "Kind", tuple((value, label) for value, label in StrategyType.choices)),
    Facet("tier", "Record", TIERS),
    Facet("days", "Record length", tuple((str(n), f"At least {n} days") for n in (30, 90, 180, 365))),
    Facet("drawdown", "Drawdown", tuple((str(n), f"At most {n} %") for n in (5, 10, 20, 30, 50))),
    Facet(
        "return",
        "Return",
        tuple((str(n), f"At least {n} %") for n in (0, 5, 10, 25, 50, 100)),
    ),
    Facet("timeframe", "Timeframe", tuple((value, value) for value in TIMEFRAMES)),
    Facet("currency", "Stake currency", tuple((value, value) for value in ("USDT", "USDC", "EUR", "BTC"))),
)

#: Every option that is counted, in the order of its bit: as `template_facets()` in the database says.
TAGS: Final = tuple(facet.tag(value) for facet in FACETS for value, _ in facet.options)


def counts(numbers: Sequence[int]) -> dict[str, int]:
    """How many templates bear each tag, from the numbers in the order of the bits."""
    return dict(zip(TAGS, numbers, strict=True)) if numbers else {}
