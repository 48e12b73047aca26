"""The PostgreSQL and the Redis that start when the environment names none.

`start(directory)` brings both up and returns the facts that it also writes to
`directory/embedded.json`; `stop(directory)` ends them; both may be called at any time and by
several processes at once. The servers outlive the process that started them.
"""

from tradewise.embedded.errors import EmbeddedError
from tradewise.embedded.servers import start, status, stop

__all__ = ["EmbeddedError", "start", "status", "stop"]
