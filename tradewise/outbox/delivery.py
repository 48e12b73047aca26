"""Delivering what waits in the outbox. The network is touched outside every transaction."""

import logging
from collections.abc import Callable
from typing import Any

from tradewise.outbox import mail
from tradewise.outbox.messages import Leased, finish, lease, put_back

log = logging.getLogger(__name__)

#: kind of message → what delivers its payload.
DELIVER: dict[str, Callable[[dict[str, Any]], None]] = {mail.KIND: mail.send}


def deliver(limit: int = 20) -> int:
    """Lease what is due, try each message once, and say how many were delivered."""
    return sum(_deliver_one(message) for message in lease(limit))


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
