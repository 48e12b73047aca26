"""The one exception that a view may catch."""


class DomainError(Exception):
    """A refusal to be read by the person who asked: a finished sentence, not a bug."""
