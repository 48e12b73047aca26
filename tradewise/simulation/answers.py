"""What every endpoint of the simulated exchange needs: parameters that are checked, and Binance's refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

Json = dict[str, object] | list[object]
Parameters = Mapping[str, str]

# 13 digits are the milliseconds of the next 267 years; more are a mistake or an attack on int().
_INTEGER = re.compile(r"-?[0-9]{1,13}", re.ASCII)


class ApiError(Exception):
    """An answer in Binance's form of an error: an HTTP status, a negative code, and a sentence."""

    def __init__(self, status: int, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.sentence = sentence

    def body(self) -> Json:
        """The error as it is sent."""
        return {"code": self.code, "msg": self.sentence}


@dataclass(frozen=True, slots=True)
class Signature:
    """What only a signed endpoint looks at: the query as it was sent, byte for byte, and the header with the key."""

    query: str = ""
    key: str | None = None


UNSIGNED = Signature()


def required(parameters: Parameters, name: str) -> str:
    """A parameter that must be there and not be empty. Raises ApiError."""
    if not parameters.get(name):
        raise ApiError(
            400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
        )
    return parameters[name]


def integer(parameters: Parameters, name: str, default: int, least: int = 0) -> int:
    """A whole number of at least `least`, or the default where there is none. Raises ApiError."""
    if name not in parameters:
        return default
    if not _INTEGER.fullmatch(parameters[name]):
        raise ApiError(400, -1100, f"Illegal characters found in parameter '{name}'.")
    value = int(parameters[name])
    if value < least:
        raise ApiError(400, -1130, f"Data sent for parameter '{name}' is not valid.")
    return value
