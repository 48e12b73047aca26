"""The operator's allow-list: networks **and** ports that bots may have besides the public internet.

Written as `192.168.10.0/24:8080-8090, 127.0.0.1/32:18080, fd12:3456:789a::/64:8080`. An entry opens just
what it names, for just those ports; nothing in it changes what is decided about any other address.
"""

from collections.abc import Iterable
from ipaddress import ip_network
from typing import Final, Self

from tradewise.egress.addresses import Address, Network, is_loopback, is_never

# A slip of the pen must not open a company's network: these are a large site each.
SHORTEST_PREFIX: Final = {32: 16, 128: 48}
HIGHEST_PORT: Final = 65535


class AllowListError(ValueError):
    """A setting that doesn't say which addresses are allowed; `str()` names the entry and the rule."""


class AllowList:
    """Which addresses outside the public internet may be dialled, and which never.

    `denied` wins over everything, public addresses included: it is for the service's own. `own` holds
    endpoints of the service's servers (database, Redis); an endpoint without an address denies its port on
    all allow-listed addresses, as its name may mean any of them.
    """

    def __init__(
        self,
        entries: Iterable[tuple[Network, range]] = (),
        *,
        denied: Iterable[Network] = (),
        own: Iterable[tuple[Address | None, int]] = (),
    ) -> None:
        self._entries: dict[tuple[int, int], dict[int, list[range]]] = {}
        self._ports: list[range] = []
        for network, ports in entries:
            shift = network.max_prefixlen - network.prefixlen
            by_network = self._entries.setdefault((network.max_prefixlen, shift), {})
            by_network.setdefault(int(network.network_address) >> shift, []).append(ports)
            if ports not in self._ports:
                self._ports.append(ports)
        self._denied = [(n.max_prefixlen, int(n.network_address), int(n.broadcast_address)) for n in denied]
        self._own = frozenset(own)

    @classmethod
    def parse(cls, text: str, *, denied: str = "", own: Iterable[tuple[Address | None, int]] = ()) -> Self:
        """Read the comma-separated setting; raises AllowListError for the first entry that breaks a rule."""
        entries = [_entry(part) for part in _parts(text)]
        return cls(entries, denied=[_network(part, part) for part in _parts(denied)], own=own)

    def covers(self, address: Address, port: int) -> bool:
        """Whether an entry names this address with this port, and nothing stronger forbids it."""
        if not self._entries or is_never(address):
            return False
        if (address, port) in self._own or (None, port) in self._own:
            return False
        for (bits, shift), networks in self._entries.items():
            if bits == address.bits:
                for ports in networks.get(address.value >> shift, ()):
                    if port in ports:
                        return True
        return False

    def covers_port(self, port: int) -> bool:
        """Whether any entry names this port: a name on it may turn out to be allowed."""
        return any(port in ports for ports in self._ports)

    def denies(self, address: Address) -> bool:
        """Whether the operator denied this address for all, public or not."""
        if not self._denied:
            return False
        bits, value = address
        return any(bits == b and first <= value <= last for b, first, last in self._denied)


def _parts(text: str) -> list[str]:
    return [part for part in (raw.strip() for raw in text.split(",")) if part]


def _entry(part: str) -> tuple[Network, range]:
    cidr, colon, ports = part.rpartition(":")
    if not colon or "/" not in cidr:
        raise AllowListError(f"{part!r} must be a network and its ports, such as 192.168.10.0/24:8080-8090.")
    network = _network(cidr.replace("[", "").replace("]", ""), part)
    shortest = SHORTEST_PREFIX[network.max_prefixlen]
    if network.prefixlen < shortest:
        raise AllowListError(f"{part!r} is too wide: a prefix must be /{shortest} or longer.")
    first = Address(network.max_prefixlen, int(network.network_address))
    last = Address(network.max_prefixlen, int(network.broadcast_address))
    if is_never(first) and is_never(last):
        raise AllowListError(
            f"{part!r} can never be allowed: it is a metadata, link-local, multicast, transition or "
            "unspecified address."
        )
    if (is_loopback(first) or is_loopback(last)) and network.num_addresses != 1:
        raise AllowListError(f"{part!r} is too wide: loopback is allowed one address at a time.")
    return network, _ports(ports, part)


def _network(cidr: str, part: str) -> Network:
    try:
        network = ip_network(cidr)
    except ValueError as error:
        raise AllowListError(f"{part!r} does not name a network: {error}.") from None
    if network.version == 6 and int(network.network_address) >> 32 == 0xFFFF:
        raise AllowListError(f"{part!r} hides an IPv4 network in an IPv6 one: write the IPv4 network.")
    return network


def _ports(text: str, part: str) -> range:
    low, dash, high = text.partition("-")
    numbers = (low, high) if dash else (low, low)
    if not all(n.isascii() and n.isdigit() and len(n) <= 5 for n in numbers):
        raise AllowListError(f"{part!r} must end in a port or a range of ports, such as 8080-8090.")
    first, last = int(numbers[0]), int(numbers[1])
    if not 1 <= first <= last <= HIGHEST_PORT:
        raise AllowListError(f"{part!r} must have ports from 1 to {HIGHEST_PORT}, the lower one first.")
    return range(first, last + 1)
