"""Free ports on the loopback interface."""

import errno
import random
import socket

from tradewise.embedded.errors import EmbeddedError

LOOPBACK = "127.0.0.1"
# Below the range that the kernel takes for outgoing connections, so that a port that was chosen
# once is hardly ever taken at the next start.
_RANGE = range(20_000, 30_000)


def is_free(port: int, host: str = LOOPBACK) -> bool:
    """Whether a server could listen there now. Raises OSError for an address that is not ours."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise
    return True


def choose(preferred: int | None = None) -> int:
    """The preferred port where it is free, else any free one."""
    if preferred and is_free(preferred):
        return preferred
    chance = random.SystemRandom()
    for _ in range(200):
        port = chance.choice(_RANGE)
        if is_free(port):
            return port
    raise EmbeddedError("No free port between 20000 and 29999 on 127.0.0.1.")
