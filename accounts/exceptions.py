"""Refusals about an account that are to be read."""

from tradewise.exceptions import DomainError


class NoWebhook(DomainError):  # noqa: N818 - reads as what is the case
    """There is no address that notifications are posted to."""
