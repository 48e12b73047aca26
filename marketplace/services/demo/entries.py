"""What a template of the demo is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from marketplace.enums import RiskLevel, StrategyType
from marketplace.services.authoring import Text

MARK: Final = "demo-"
"""With it the public number of each begins, by which they are known again."""
SAYS: Final = (
    "This is a demo template that came with TradeWise. Its record was replayed: Freqtrade really ran these rules, on "
    "the invented prices of the simulated exchange. It says nothing about real markets."
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A template. `before` are parameters of a first version, where this is the second one."""

    name: str
    about: str
    kind: StrategyType
    risk: RiskLevel
    pairs: tuple[str, ...]
    timeframe: str
    parameters: Mapping[str, Any]
    before: Mapping[str, Any] = field(default_factory=dict)

    @property
    def template_id(self) -> str:
        """Public, and always the same."""
        return MARK + self.name.lower().replace(" ", "-")

    @property
    def texts(self) -> list[Text]:
        """What each version says, the first one first."""
        versions = [{**self.parameters, **self.before}] if self.before else []
        return [self._text(parameters) for parameters in (*versions, self.parameters)]

    def _text(self, parameters: Mapping[str, Any]) -> Text:
        config = {
            "strategy": str(self.kind),
            "exchange": "binance",
            "stake_currency": "USDT",
            "pairs": [f"{coin}/USDT" for coin in self.pairs],
            "timeframe": self.timeframe,
            "parameters": dict(parameters),
        }
        return Text(self.name, f"{self.about}\n\n{SAYS}", self.risk, self.kind, config)


def entry(
    kind: StrategyType,
    name: str,
    risk: RiskLevel,
    pairs: str,
    timeframe: str,
    about: str,
    **given: Any,
) -> Entry:
    """One, written in short; the pairs without what they are paid in."""
    before = given.pop("before", {})
    return Entry(name, about, kind, risk, tuple(pairs.split()), timeframe, given, before)
