"""What the address of a bot may look like, asked when it is saved and again each time it is dialled."""

import re
from typing import Final, NamedTuple, NoReturn

from yarl import URL

from tradewise.egress.addresses import Address, parse_address
from tradewise.egress.allowlist import HIGHEST_PORT, AllowList
from tradewise.egress.configured import allow_list
from tradewise.egress.failures import EgressError, Failure
from tradewise.egress.guard import PRIVATE, USE_HTTPS, is_public_port, port_refusal, refusal

LONGEST_URL: Final = 512
LONGEST_TARGET: Final = 2048

# One strict grammar, and then yarl, whose reading is the one that is dialled: where the two disagree, or
# where a lenient parser might see something else, there is no address. ASCII is spelt out: \d and \w know
# the digits of every script.
_GRAMMAR: Final = re.compile(
    r"([Hh][Tt][Tt][Pp][Ss]?)://"
    r"(?:([A-Za-z0-9._-]{1,253})|\[([0-9A-Fa-f:.]{2,45})\])"
    r"(?::([0-9]{1,5}))?"
    r"(?:/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
    r"(?:\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
)
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# The rule of the WHATWG URL standard: a host whose last label is a number is an IPv4 address, or wrong.
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*")
_DEFAULT_PORT: Final = {"http": 80, "https": 443}
_METADATA_NAMES: Final = frozenset(
    {"metadata", "metadata.google.internal", "metadata.goog", "instance-data", "instance-data.ec2.internal"}
)
_LOOPBACK_ADDRESSES: Final = (Address(32, 0x7F000001), Address(128, 1))
_LOCALHOST: Final = (
    "“localhost” means both 127.0.0.1 and ::1, and the operator has allowed only one. Write that address."
)


def check_url(url: str, *, allow: AllowList | None = None) -> URL:
    """The address of a bot, if it is one that may be saved; `allow` defaults to the operator's setting.

    At most 512 printable ASCII characters: http or https, a host, perhaps a port and a path; no user,
    query or fragment. Raises EgressError, MALFORMED or FORBIDDEN, with a sentence for the form. A name is
    looked up only when it is dialled, so a name that passes here may still be refused there.
    """
    if "?" in url:
        _malformed("Leave out everything from the question mark on.")
    if len(url) > LONGEST_URL:
        _malformed(f"The address is longer than {LONGEST_URL} characters.")
    return check_target(url, allow=allow_list() if allow is None else allow).url


def check_target(url: str, *, allow: AllowList) -> "Target":
    """The same for a URL that is about to be requested: up to 2,048 characters, perhaps with a query."""
    read = _read(url)
    secure = read.scheme == "https"
    if read.literal is not None:
        sentence = refusal(read.literal, read.port, secure=secure, allow=allow)
    else:
        sentence = _name_refusal(read.host, read.port, secure=secure, allow=allow)
    if sentence is not None:
        raise EgressError(Failure.FORBIDDEN, sentence)
    return read


def origin(url: str) -> str:
    """The normalised `scheme://host:port`, always with the port: whom a token is for.

    Says nothing about policy, so that a token's binding survives a change of the allow-list. Raises
    EgressError(MALFORMED).
    """
    scheme, host, port, _, _ = _read(url)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


class Target(NamedTuple):
    """A URL, read: what will be dialled."""

    scheme: str
    host: str  # in lower case, without brackets
    port: int
    literal: Address | None
    url: URL


def _read(url: str) -> Target:
    if len(url) > LONGEST_TARGET:
        _malformed(f"The address is longer than {LONGEST_TARGET} characters.")
    match = _GRAMMAR.fullmatch(url)
    if match is None:
        _explain(url)
    scheme, name, v6, written_port = match.groups()
    scheme = scheme.lower()
    try:
        parsed = URL(url)
        host, port = parsed.raw_host or "", parsed.port
    except ValueError:
        _malformed("This is not an address that a browser would open.")
    if name is not None:
        expected = name.lower()
        literal = _literal_or_name(expected)
    else:
        expected = host
        literal = parse_address(v6)
        if ":" not in v6 or literal is None or literal != parse_address(host):
            _malformed("What is in brackets is not an IPv6 address.")
    expected_port = int(written_port) if written_port else _DEFAULT_PORT[scheme]
    if not 1 <= expected_port <= HIGHEST_PORT:
        _malformed(f"A port is a number from 1 to {HIGHEST_PORT}.")
    if host != expected or port != expected_port or parsed.scheme != scheme:
        _malformed("The address can be read in more than one way.")
    return Target(scheme, host, expected_port, literal, parsed)


def _literal_or_name(name: str) -> Address | None:
    """The IPv4 address, or None for a well-spelt name; malformed is whatever lies between."""
    literal = parse_address(name)
    if literal is None:
        labels = name.split(".")
        if _NUMBER.fullmatch(labels[-1]):
            _malformed("Write an IPv4 address as four decimal numbers, such as 93.184.215.14.")
        if not all(_LABEL.fullmatch(label) for label in labels):
            _malformed("The host name has an empty, too long or misspelt part.")
    return literal


def _name_refusal(host: str, port: int, *, secure: bool, allow: AllowList) -> str | None:
    if host in _METADATA_NAMES:
        return PRIVATE
    if host == "localhost" or host.endswith(".localhost"):
        # The resolver answers with both, and any bad answer rejects: say so while the form is open.
        covered = [allow.covers(address, port) for address in _LOOPBACK_ADDRESSES]
        return None if all(covered) else _LOCALHOST if any(covered) else PRIVATE
    if allow.covers_port(port):
        return None
    if not secure:
        return USE_HTTPS
    return None if is_public_port(port) else port_refusal(port)


def _explain(url: str) -> NoReturn:
    if not (url.isascii() and url.isprintable()) or " " in url:
        _malformed("Use only letters, digits and signs of plain ASCII, without spaces.")
    if not url.lower().startswith(("http://", "https://")):
        _malformed("The address must start with https://.")
    if "#" in url:
        _malformed("Leave out everything from the # on.")
    if "@" in url.split("/", 3)[2]:
        _malformed("Leave the user and the password out of the address; they have a field of their own.")
    _malformed("Write the address as https://host, perhaps with :port and /path.")


def _malformed(sentence: str) -> NoReturn:
    raise EgressError(Failure.MALFORMED, sentence)
