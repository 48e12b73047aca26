"""What the worker does for subscriptions."""

from celery import shared_task

from subscriptions.services import telling


@shared_task(name="subscriptions.tell_started", ignore_result=True)
def tell_started() -> int:
    """Tell of subscriptions whose bot is up for the first time, until there is none."""
    total = 0
    while told := telling.tell_started():
        total += told
    return total
