"""The kinds of values that a configuration holds: each checks, refuses in words, and describes itself in JSON Schema.

They are metadata of `Annotated`, so that one line says what is accepted, what the schema shows and what is said.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

#: How pydantic calls a refusal whose sentence is ours.
REFUSED: Final = "tradewise"

#: No bound of ours needs more digits; what has more is refused before anything is computed with it.
_LONGEST: Final = 40


def refusal(sentence: str, *, field: str = "") -> PydanticCustomError:
    """What a validator raises: a finished sentence, and the field it is about where that is not the validated one."""
    # As context, because the template of pydantic would read braces in the sentence as its own.
    return PydanticCustomError(REFUSED, "{sentence}", {"sentence": sentence, "field": field})


def number(value: Decimal) -> int | float:
    """As a JSON number, and as Freqtrade wants it: the same value gives the same text always, without an idle ".0"."""
    if value == value.to_integral_value():
        return int(value)
    # The only place where an amount leaves Decimal: JSON and Freqtrade know nothing else.
    return float(value)


def exact(value: int | float | Decimal) -> Decimal:
    """The number that a person reads in what Freqtrade or JSON gave: 0.1 is 0.1."""
    return value if isinstance(value, Decimal) else Decimal(str(value))


def plain(value: Decimal) -> str:
    """As people write it: 0.1 and 1000, not 1E+3 and 0.10."""
    return f"{value.normalize():f}"


def _bounded(value: object, lowest: Decimal, highest: Decimal) -> Decimal:
    """The number within its closed range; raises a refusal that names the bound."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise refusal("Enter a number.")
    if isinstance(value, int) and value.bit_length() > 4 * _LONGEST:
        raise refusal(f"At most {plain(highest)}." if value > 0 else f"At least {plain(lowest)}.")
    found = exact(value)
    if not found.is_finite():
        raise refusal("Enter a number.")
    if found < lowest:
        raise refusal(f"At least {plain(lowest)}.")
    if found > highest:
        raise refusal(f"At most {plain(highest)}.")
    return found


def _schema(check: Callable[[Any], object], dump: Callable[[Any], object]) -> CoreSchema:
    return core_schema.no_info_plain_validator_function(
        check, serialization=core_schema.plain_serializer_function_ser_schema(dump)
    )


@dataclass(frozen=True, slots=True)
class Number:
    """A Decimal between two bounds, both allowed, with at most `places` decimal places; a number in JSON."""

    lowest: Decimal
    highest: Decimal
    places: int

    def check(self, value: object) -> Decimal:
        found = _bounded(value, self.lowest, self.highest)
        # A text of many digits is cut off here, not rounded: what is run is what was written.
        if found != found.quantize(Decimal(1).scaleb(-self.places)):
            raise refusal(f"At most {self.places} decimal places.")
        return found.quantize(Decimal(1).scaleb(-self.places)).normalize() + 0

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _schema(self.check, number)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # No multipleOf: validators compute it in binary, and refuse 0.3 as no multiple of 0.1.
        return {
            "type": "number",
            "minimum": number(self.lowest),
            "maximum": number(self.highest),
            "decimal_places": self.places,
        }


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number between two bounds, both allowed."""

    lowest: int
    highest: int

    def check(self, value: object) -> int:
        found = _bounded(value, Decimal(self.lowest), Decimal(self.highest))
        if found != found.to_integral_value():
            raise refusal("Enter a whole number.")
        return int(found)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _schema(self.check, int)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.lowest, "maximum": self.highest}


CURRENCY: Final = "[A-Z0-9]{2,10}"


@dataclass(frozen=True, slots=True)
class Currency:
    """The symbol of a currency, as exchanges write it."""

    def check(self, value: object) -> str:
        if not isinstance(value, str) or not re.fullmatch(CURRENCY, value):
            raise refusal("Enter 2 to 10 capital letters or digits, for example USDT.")
        return value

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _schema(self.check, str)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{CURRENCY}$"}


@dataclass(frozen=True, slots=True)
class Pairs:
    """What is traded, each once, written BASE/QUOTE."""

    most: int

    def check(self, value: object) -> tuple[str, ...]:
        if not isinstance(value, list | tuple):
            raise refusal("Enter a list of pairs.")
        if not value:
            raise refusal("Choose a pair." if self.most == 1 else "Choose at least one pair.")
        if len(value) > self.most:
            raise refusal("Only one pair." if self.most == 1 else f"At most {self.most} pairs.")
        for pair in value:
            if not isinstance(pair, str) or not re.fullmatch(f"{CURRENCY}/{CURRENCY}", pair):
                raise refusal("Write each pair as BASE/QUOTE, for example BTC/USDT.")
        if len(set(value)) < len(value):
            raise refusal("Name each pair once.")
        return tuple(value)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return _schema(self.check, list)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {
            "type": "array",
            "items": {"type": "string", "pattern": f"^{CURRENCY}/{CURRENCY}$"},
            "minItems": 1,
            "maxItems": self.most,
            "uniqueItems": True,
        }
