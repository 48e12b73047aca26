"""From the many exceptions of sockets and TLS to one failure and one sentence. They end here: no more is told."""

import errno
import ssl
from typing import Final

from tradewise.egress.failures import EgressError, Failure

# Not the bot's doing: this process or machine has no more sockets, ports or memory to give.
_OURS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

# The verify codes of OpenSSL that a trader can do something about.
_EXPIRED: Final = frozenset({9, 10})
_UNKNOWN_ISSUER: Final = frozenset({2, 18, 19, 20, 21})
_WRONG_HOST: Final = frozenset({62, 63, 64})


TOO_LATE: Final = "The bot did not answer in time."
_NOT_ENCRYPTED: Final = "The connection was closed while it was being encrypted."


def explain_dial(error: OSError) -> EgressError:
    """What a connection that did not come about means.

    Re-raises an OSError that is about this process (no file descriptor left): it says nothing about the
    bot, and nobody may call the bot DOWN for it. So do the others.
    """
    if error.errno in _OURS:
        raise error
    if isinstance(error, TimeoutError):
        return EgressError(Failure.TIMED_OUT, TOO_LATE)
    if error.errno == errno.ECONNREFUSED:
        return EgressError(Failure.REFUSED, "Nothing listens at this address and port. Is the bot running?")
    return EgressError(Failure.UNREACHABLE, "There is no way through the network to this address.")


def explain_handshake(error: OSError) -> EgressError:
    """What it means that a connection was not encrypted."""
    if error.errno in _OURS:
        raise error
    if isinstance(error, ssl.SSLError | ssl.CertificateError):
        return EgressError(Failure.TLS, _tls_sentence(error))
    if isinstance(error, TimeoutError):
        return EgressError(Failure.TIMED_OUT, TOO_LATE)
    return EgressError(Failure.TLS, _NOT_ENCRYPTED)


def explain_exchange(error: Exception) -> EgressError | OSError:
    """What it means that an open connection broke; the error itself when it is about this process."""
    if isinstance(error, OSError) and error.errno in _OURS:
        return error
    if isinstance(error, ssl.SSLError):
        return EgressError(Failure.TLS, _tls_sentence(error))
    if isinstance(error, TimeoutError):
        return EgressError(Failure.TIMED_OUT, TOO_LATE)
    return EgressError(Failure.PROTOCOL, "The bot closed the connection before it had answered.")


def _tls_sentence(error: OSError) -> str:
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    if code in _EXPIRED:
        return "The bot's certificate has expired or is not valid yet."
    if code in _WRONG_HOST:
        return "The bot's certificate is for another host."
    if code in _UNKNOWN_ISSUER:
        return "The bot's certificate is self-signed or from an authority that is not known here."
    if code:
        return "The bot's certificate is not valid."
    return "No encrypted connection could be made. Does the bot speak https on this port?"
