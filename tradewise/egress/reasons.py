"""From the many exceptions of an HTTP client to one failure and one sentence."""

import asyncio
import errno
import ssl
from typing import Final

import aiohttp
from aiohttp.http_exceptions import LineTooLong

from tradewise.egress.failures import EgressError, Failure

# Not the bot's doing: this process or machine has no more sockets, ports or memory to give.
_OURS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

# The verify codes of OpenSSL that a trader can do something about.
_EXPIRED: Final = frozenset({9, 10})
_UNKNOWN_ISSUER: Final = frozenset({2, 18, 19, 20, 21})
_WRONG_HOST: Final = frozenset({62, 63, 64})


class DialRefusedError(OSError):
    """A socket that must not be opened. An OSError, as that is what a connector expects of a failed dial."""


def explain(error: Exception, *, secure: bool) -> EgressError:
    """The failure that an exception of aiohttp or asyncio means for the trader.

    Re-raises an OSError that is about this process (no file descriptor left): it says nothing about the
    bot, and nobody may call the bot DOWN for it.
    """
    if isinstance(error, aiohttp.ClientSSLError):
        return EgressError(Failure.TLS, _tls_sentence(error))
    if isinstance(error, aiohttp.ClientConnectorError):
        return _explain_dial(error.os_error, secure=secure)
    if isinstance(error, TimeoutError):
        return EgressError(Failure.TIMED_OUT, "The bot did not answer in time.")
    if isinstance(error, aiohttp.ClientResponseError):
        if isinstance(error.__cause__, LineTooLong) or "too" in error.message.lower():
            return EgressError(Failure.TOO_LARGE, "The bot's answer has larger headers than any bot sends.")
        return EgressError(Failure.PROTOCOL, "What answered does not speak HTTP as a bot does.")
    if isinstance(error, aiohttp.InvalidURL):
        return EgressError(Failure.MALFORMED, "This is not an address that can be called.")
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError):
        return EgressError(Failure.PROTOCOL, "The bot closed the connection before it had answered.")
    if isinstance(error, aiohttp.ClientPayloadError):
        return EgressError(Failure.PROTOCOL, "The bot's answer broke off.")
    return EgressError(Failure.PROTOCOL, "The bot's answer could not be read.")


def _explain_dial(error: OSError, *, secure: bool) -> EgressError:
    if isinstance(error, DialRefusedError):
        return EgressError(Failure.FORBIDDEN, str(error))
    if error.errno in _OURS:
        raise error
    if error.errno == errno.ECONNREFUSED:
        return EgressError(Failure.REFUSED, "Nothing listens at this address and port. Is the bot running?")
    if error.errno == errno.ETIMEDOUT or isinstance(error, asyncio.TimeoutError):
        return EgressError(Failure.TIMED_OUT, "The bot did not answer in time.")
    if secure and isinstance(error, ConnectionError):
        return EgressError(Failure.TLS, "The connection was closed while it was being encrypted.")
    return EgressError(Failure.UNREACHABLE, "There is no way through the network to this address.")


def _tls_sentence(error: aiohttp.ClientSSLError) -> str:
    cause = getattr(error, "certificate_error", None) or getattr(error, "os_error", None)
    code = cause.verify_code if isinstance(cause, ssl.SSLCertVerificationError) else 0
    if code in _EXPIRED:
        return "The bot's certificate has expired or is not valid yet."
    if code in _WRONG_HOST:
        return "The bot's certificate is for another host."
    if code in _UNKNOWN_ISSUER:
        return "The bot's certificate is self-signed or from an authority that is not known here."
    if code:
        return "The bot's certificate is not valid."
    return "No encrypted connection could be made. Does the bot speak https on this port?"
