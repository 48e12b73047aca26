"""The keys of the simulated exchange, and what each may do: Binance's `GET /sapi/v1/account/apiRestrictions`.

All are as public as this file, and their names say so: nobody can trade with them anywhere.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

from tradewise.simulation.answers import ApiError, Json, Parameters, Signature, integer, required

SECRET = "simulated-secret"  # noqa: S105 (an invented one, of invented keys)
WINDOW = 5_000
LONGEST_WINDOW = 60_000
AHEAD = 1_000
"""Milliseconds by which the caller's clock may be fast."""

_KEY = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Rights:
    """What a key may do."""

    reading: bool = True
    trading: bool = True
    withdrawals: bool = False
    bound_to_addresses: bool = False


KEYS = {
    "simulated-trade-only": Rights(),
    "simulated-bound": Rights(bound_to_addresses=True),
    "simulated-withdrawals": Rights(withdrawals=True, bound_to_addresses=True),
    "simulated-read-only": Rights(trading=False),
    "simulated-no-reading": Rights(reading=False),
}


def restrictions(parameters: Parameters, signature: Signature, now: int) -> Json:
    """The answer to who signed properly. Raises ApiError with Binance's codes for everybody else."""
    rights = KEYS[_signer(parameters, signature, now)]
    return {
        "ipRestrict": rights.bound_to_addresses,
        "createTime": 1_767_225_600_000,
        "enableReading": rights.reading,
        "enableSpotAndMarginTrading": rights.trading,
        "enableWithdrawals": rights.withdrawals,
        "enableInternalTransfer": False,
        "permitsUniversalTransfer": False,
        "enableMargin": False,
        "enableFutures": False,
        "enableVanillaOptions": False,
        "enablePortfolioMarginTrading": False,
    }


def sign(query: str, secret: str = SECRET) -> str:
    """The value of `signature` that belongs to a query without one."""
    return hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()


def _signer(parameters: Parameters, signature: Signature, now: int) -> str:
    if signature.key is None or not _KEY.fullmatch(signature.key):
        raise ApiError(401, -2014, "API-key format invalid.")
    required(parameters, "timestamp")
    timestamp = integer(parameters, "timestamp", 0)
    window = integer(parameters, "recvWindow", WINDOW)
    if window > LONGEST_WINDOW:
        raise ApiError(400, -1131, f"recvWindow must be less than {LONGEST_WINDOW}.")
    sent = required(parameters, "signature")
    if signature.key not in KEYS:
        raise ApiError(401, -2015, "Invalid API-key, IP, or permissions for action.")
    if timestamp >= now + AHEAD:
        raise ApiError(400, -1021, f"Timestamp for this request was {AHEAD}ms ahead of the server's time.")
    if now - timestamp > window:
        raise ApiError(400, -1021, "Timestamp for this request is outside of the recvWindow.")
    signed = "&".join(part for part in signature.query.split("&") if not part.startswith("signature="))
    # As bytes: the comparison of texts knows ASCII only, and anybody may send anything.
    if not hmac.compare_digest(sign(signed).encode(), sent.encode(errors="surrogateescape")):
        raise ApiError(400, -1022, "Signature for this request is not valid.")
    return signature.key
