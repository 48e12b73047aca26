"""The app's name, for Django."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Named after its table."""

    name = "audit"

    def ready(self) -> None:
        """Say what its own entries are called."""
        from audit import own_words

        own_words.learn()
