"""Why a call to a bot did not give an answer, in one word and in one sentence."""

from enum import StrEnum


class Failure(StrEnum):
    """The kinds of failure; the values are stored with a bot's health and never renamed."""

    MALFORMED = "malformed"
    FORBIDDEN = "forbidden"
    NAME_NOT_FOUND = "name_not_found"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    TLS = "tls"
    TOO_LARGE = "too_large"
    PROTOCOL = "protocol"


class EgressError(Exception):
    """A call that gave no answer. `str()` is a finished sentence that a trader may read.

    It never quotes the address, a header or a body, so it can be stored and shown.
    """

    def __init__(self, failure: Failure, sentence: str) -> None:
        super().__init__(sentence)
        self.failure = failure
