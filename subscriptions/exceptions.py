"""What a trader is refused about subscriptions, each with a finished sentence."""

from tradewise.exceptions import DomainError


class TemplateNotOffered(DomainError):  # noqa: N818 - a refusal is no error
    """Nobody can subscribe to the template, or nobody any more."""


class SubscriptionIsOver(DomainError):  # noqa: N818
    """It was cancelled, which is final."""


class VersionNotOffered(DomainError):  # noqa: N818
    """Not what is published now: there is a newer version, or the template is not public any more."""


class CannotMove(DomainError):  # noqa: N818
    """A bot that is there cannot do what the version says."""


class SubscriptionIsGone(DomainError):  # noqa: N818
    """It was deleted together with its bot."""
