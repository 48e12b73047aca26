"""The app's name, for Django."""

from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    """Named after its table."""

    name = "marketplace"

    def ready(self) -> None:
        """Say what its entries in the trail are called."""
        from marketplace import words

        words.learn()
