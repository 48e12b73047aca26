"""What the address of a bot may look like, asked when it is saved and again each time it is dialled."""

import re
from typing import Final, NoReturn

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
    r"(?P<scheme>[Hh][Tt][Tt][Pp][Ss]?)://"
    r"(?:(?P<name>[A-Za-z0-9._-]{1,253})|\[(?P<v6>[0-9A-Fa-f:.]{2,45})\])"
    r"(?::(?P<port>[0-9]{1,5}))?"
    r"(?P<path>/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?"
    r"(?P<query>\?[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?"
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
    return check_target(url, allow=allow_list() if allow is None else allow)


def check_target(url: str, *, allow: AllowList) -> URL:
    """The same for a URL that is about to be requested: up to 2,048 characters, perhaps with a query."""
    scheme, host, port, parsed = _read(url)
    secure = scheme == "https"
    literal = parse_address(host)
    if literal is not None:
        sentence = refusal(literal, port, secure=secure, allow=allow)
    else:
        sentence = _name_refusal(host, port, secure=secure, allow=allow)
    if sentence is not None:
        raise EgressError(Failure.FORBIDDEN, sentence)
    return parsed


def origin(url: str) -> str:
    """The normalised `scheme://host:port`, always with the port: whom a token is for.

    Says nothing about policy, so that a token's binding survives a change of the allow-list. Raises
    EgressError(MALFORMED).
    """
    scheme, host, port, _ = _read(url)
    return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"


def _read(url: str) -> tuple[str, str, int, URL]:
    """Scheme, host in lower case without brackets, port, and the URL that will be dialled."""
    if len(url) > LONGEST_TARGET:
        _malformed(f"The address is longer than {LONGEST_TARGET} characters.")
    match = _GRAMMAR.fullmatch(url)
    if match is None:
        _explain(url)
    scheme = match["scheme"].lower()
    try:
        parsed = URL(url)
        host, port = parsed.raw_host or "", parsed.port
    except ValueError:
        _malformed("This is not an address that a browser would open.")
    if match["name"] is not None:
        expected = match["name"].lower()
        _check_name(expected)
    else:
        expected = host
        if parse_address(host) is None or parse_address(host) != parse_address(match["v6"]):
            _malformed("What is in brackets is not an IPv6 address.")
    written_port = int(match["port"]) if match["port"] else _DEFAULT_PORT[scheme]
    if not 1 <= written_port <= HIGHEST_PORT:
        _malformed(f"A port is a number from 1 to {HIGHEST_PORT}.")
    if (parsed.scheme, host, port) != (scheme, expected, written_port) or parsed.user or parsed.password:
        _malformed("The address can be read in more than one way.")
    return scheme, host, written_port, parsed


def _check_name(name: str) -> None:
    labels = name.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        if parse_address(name) is None:
            _malformed("Write an IPv4 address as four decimal numbers, such as 93.184.215.14.")
    elif not all(_LABEL.fullmatch(label) for label in labels):
        _malformed("The host name has an empty, too long or misspelt part.")


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
