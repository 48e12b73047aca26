"""Ports for servers of the tests' own."""

import random
import socket

#: Not the one that is seeded alike in every process of the tests, which would take the same ports at once.
_CHANCE = random.SystemRandom()


def free_ports(number: int) -> range:
    """Ports in a row, below those from which the kernel serves whoever asks for any, also between two starts."""
    while True:
        first = _CHANCE.randrange(10_000, 32_000 - number)
        try:
            for port in range(first, first + number):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        return range(first, first + number)


def free_port() -> int:
    """One of them."""
    return free_ports(1)[0]
