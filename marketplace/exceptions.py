"""What a trader is refused about templates, each with a finished sentence."""

from tradewise.exceptions import DomainError


class TemplateNotStartable(DomainError):  # noqa: N818 - a refusal is no error
    """No engine runs what the template says, or not any more."""
