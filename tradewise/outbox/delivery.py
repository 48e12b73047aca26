"""Delivering what waits in the outbox. The network is touched outside every transaction."""

import logging
import time
from collections.abc import Callable
from typing import Any

from tradewise.outbox import mail
from tradewise.outbox.messages import LEASE, Leased, finish, lease, put_back

log = logging.getLogger(__name__)

#: kind of message → what delivers its payload.
DELIVER: dict[str, Callable[[dict[str, Any]], None]] = {mail.KIND: mail.send}


def deliver(limit: int = 5) -> int:
    """Lease what is due, try each message once, and say how many were delivered.

    Where a mail server is so slow that the lease may run out, the rest is left to who leases it next.
    """
    leased_at = time.monotonic()
    delivered = 0
    for message in lease(limit):
        if time.monotonic() - leased_at > LEASE / 2:
            break
        delivered += _deliver_one(message)
    return delivered


def _deliver_one(message: Leased) -> bool:
    try:
        DELIVER[message.kind](message.payload)
    except Exception as trouble:  # noqa: BLE001 - whatever a mail server does, the next message is tried
        error = f"{type(trouble).__name__} at try {message.attempts}"
        if message.is_last_try:
            log.error("Gave up delivering outbox message %s (%s): %s", message.id, message.kind, error)  # noqa: TRY400 - the traceback may quote the mail
            finish(message)
        else:
            log.warning("Outbox message %s (%s) waits: %s", message.id, message.kind, error)
            put_back(message, error)
        return False
    finish(message)
    return True
