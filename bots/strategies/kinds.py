"""The kinds of strategies: which there are, and how a configuration is read, described and written."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from pydantic import ValidationError
from pydantic.json_schema import GenerateJsonSchema

from bots.strategies.common import Configuration, ConfigurationRefused, Problem, problems_of
from bots.strategies.dca import DcaConfiguration
from bots.strategies.fields import number
from bots.strategies.grid import GridConfiguration
from bots.strategies.momentum import MomentumConfiguration

#: Each kind that an engine runs, by the value of `strategy`.
KINDS: Final[Mapping[str, type[Configuration]]] = MappingProxyType(
    {"dca": DcaConfiguration, "grid": GridConfiguration, "momentum": MomentumConfiguration}
)

#: Kinds that a template may have and no engine runs, with the reason.
NOT_RUNNABLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "arbitrage": (
            "Arbitrage cannot be run here: a Freqtrade engine trades on one exchange with one stake currency, "
            "and has no orders that are filled together or not at all."
        )
    }
)

#: The class in `bots/strategies/engine/` that runs each kind.
STRATEGY: Final[Mapping[str, str]] = MappingProxyType(
    {"dca": "TradeWiseDca", "grid": "TradeWiseGrid", "momentum": "TradeWiseMomentum"}
)


def parse(config: object) -> Configuration:
    """The configuration that a JSON document says. Raises ConfigurationRefused with everything that is wrong."""
    if isinstance(config, Configuration):
        return config
    if not isinstance(config, Mapping):
        raise ConfigurationRefused([Problem("", "Enter a group of settings.")])
    kind = config.get("strategy")
    if not isinstance(kind, str) or kind not in KINDS:
        reason = NOT_RUNNABLE.get(kind) if isinstance(kind, str) else None
        raise ConfigurationRefused([Problem("strategy", reason or f"Choose one of: {', '.join(KINDS)}.")])
    try:
        return KINDS[kind].model_validate(dict(config))
    except ValidationError as error:
        raise ConfigurationRefused(problems_of(error)) from None


def schema(kind: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a kind. It knows bounds, not what fields demand of each other."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **KINDS[kind].model_json_schema(mode="validation", schema_generator=_Schema),
    }


class _Schema(GenerateJsonSchema):
    """Like pydantic's, which would write the default of an amount as a text."""

    def encode_default(self, dft: Any) -> Any:
        return number(dft) if isinstance(dft, Decimal) else super().encode_default(dft)


def dump(configuration: Configuration) -> dict[str, Any]:
    """The configuration as plain JSON types, always the same for the same one; `parse` reads it back."""
    return configuration.model_dump(mode="json")


def engine_class(configuration: Configuration) -> str:
    """The name of the class that Freqtrade runs it with."""
    return STRATEGY[configuration.strategy]
