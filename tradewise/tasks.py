"""What the worker does for the ground."""

from celery import shared_task

from tradewise.outbox.delivery import deliver


@shared_task(name="tradewise.deliver_outbox")
def deliver_outbox() -> int:
    """Deliver what waits, until nothing is due; the number delivered."""
    total = 0
    while sent := deliver():
        total += sent
    return total
