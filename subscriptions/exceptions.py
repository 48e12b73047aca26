"""What a trader is refused about subscriptions, each with a finished sentence."""

from tradewise.exceptions import DomainError


class TemplateNotOffered(DomainError):  # noqa: N818 - a refusal is no error
    """Nobody can subscribe to the template, or nobody any more."""


class SubscriptionIsOver(DomainError):  # noqa: N818
    """It was cancelled, which is final."""


class SubscriptionIsGone(DomainError):  # noqa: N818
    """It was deleted together with its bot."""
