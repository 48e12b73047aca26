"""What a trader reads about an exchange and the keys to it: what happened, and what to do next."""

from typing import Final

from tradewise.egress import Failure

NOT_KEYS: Final = (
    "These are no keys of Binance. Copy the API key and the secret key once more, without spaces; a key of the "
    "kind RSA or Ed25519 cannot be used."
)
WRONG_KEY: Final = (
    "The exchange does not take this API key. Copy it once more, and check on the exchange that it was not "
    "deleted. If it is restricted to internet addresses, add the one of TradeWise."
)
WRONG_SIGNATURE: Final = (
    "The secret key does not belong to this API key. Copy it once more; if the exchange does not show it any "
    "longer, make a new pair of keys."
)
CLOCK: Final = (
    "The clock of TradeWise differs from the exchange's, so the exchange did not look at the keys. Try again; "
    "if it stays so, tell whoever runs TradeWise to set the clock."
)
MAY_WITHDRAW: Final = (
    "This key may withdraw money. Make one that may read and trade spot only, and delete this one if it was "
    "made for TradeWise."
)
MAY_NOT_READ: Final = (
    "This key may not read your account. Allow reading for it on the exchange, or make one that may read and "
    "trade spot only."
)
MAY_NOT_TRADE: Final = (
    "This key may not trade. Allow spot trading for it on the exchange, or make one that may read and trade "
    "spot only."
)
NOT_UNDERSTOOD: Final = (
    "The exchange gave an answer that TradeWise does not understand, so nothing is known yet. Try again in a "
    "few minutes."
)
TOO_OFTEN: Final = "The exchange takes no more questions from TradeWise for now. Try again in a few minutes."
NOT_FROM_HERE: Final = (
    "The exchange does not serve the place where TradeWise runs. Whoever runs TradeWise has to move it."
)
TROUBLE: Final = "The exchange has trouble of its own at the moment. Try again in a few minutes."
TOO_LATE: Final = "The exchange did not answer in time. Try again in a few minutes."
AWAY: Final = "The exchange cannot be reached at the moment. Try again in a few minutes."
NOT_ALLOWED: Final = (
    "TradeWise may not call the address that is set for the exchange. Whoever runs it has to correct that."
)
BUSY: Final = "TradeWise is too busy to ask the exchange. Try again in a minute."

#: By Binance's codes.
ABOUT_KEYS: Final = {
    -1021: CLOCK,
    -1022: WRONG_SIGNATURE,
    -2008: WRONG_KEY,
    -2014: WRONG_KEY,
    -2015: WRONG_KEY,
}

_FAILURES: Final = {
    Failure.MALFORMED: NOT_ALLOWED,
    Failure.FORBIDDEN: NOT_ALLOWED,
    Failure.TIMED_OUT: TOO_LATE,
    Failure.TOO_LARGE: NOT_UNDERSTOOD,
    Failure.PROTOCOL: NOT_UNDERSTOOD,
}


def about_failure(failure: Failure) -> str:
    """Why there was no answer."""
    return _FAILURES.get(failure, AWAY)


def about_status(status: int) -> str:
    """Why an answer with this status of HTTP, which is not 200, says nothing."""
    if status in (418, 429):
        return TOO_OFTEN
    # 403 is the firewall in front of Binance, which also stops those who ask too often.
    if status == 403:
        return TOO_OFTEN
    if status == 451:
        return NOT_FROM_HERE
    return TROUBLE if status >= 500 else NOT_UNDERSTOOD
