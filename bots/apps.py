"""The app's name, for Django."""

from django.apps import AppConfig


class BotsConfig(AppConfig):
    """Named after its table."""

    name = "bots"

    def ready(self) -> None:
        """Say what its entries in the trail are called."""
        from bots import words

        words.learn()
