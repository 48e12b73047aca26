"""What a trader is refused about templates, each with a finished sentence."""

from tradewise.exceptions import DomainError


class TemplateNotStartable(DomainError):  # noqa: N818 - a refusal is no error
    """No engine runs what the template says, or not any more."""


class TextRefused(DomainError):  # noqa: N818 - a refusal is no error
    """A text that cannot be shown as it is."""


class DocumentRefused(DomainError):  # noqa: N818 - a refusal is no error
    """A configuration as JSON that is none, is too large, or holds what looks like a secret."""


class EvidenceRefused(DomainError):  # noqa: N818 - a refusal is no error
    """The bot that should show what a template does is none of the author's."""


class NameTaken(DomainError):  # noqa: N818 - a refusal is no error
    """Somebody else's public template is called so, or nearly so."""


class AllocationRefused(DomainError):  # noqa: N818 - a refusal is no error
    """The most that may be put on a template is less than it needs."""


class TemplateExists(DomainError):  # noqa: N818 - a refusal is no error
    """The form of a new template has made one already, which says something else."""


class TemplateNotFeatured(DomainError):  # noqa: N818 - a refusal is no error
    """Only what everybody sees is recommended."""


class TemplateNotEditable(DomainError):  # noqa: N818 - a refusal is no error
    """What the template says cannot be changed now."""


class TemplateNotSubmittable(DomainError):  # noqa: N818 - a refusal is no error
    """There is nothing that moderators could look at."""


class TemplateNotWithdrawable(DomainError):  # noqa: N818 - a refusal is no error
    """It is not public."""


class AlreadyDecided(DomainError):  # noqa: N818 - a refusal is no error
    """Another moderator was quicker, or the author has changed it since it was looked at."""


class NotPublishable(DomainError):  # noqa: N818 - a refusal is no error
    """What it says is not valid, so nobody may publish it."""
