"""The app's name, for Django."""

from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    """Named after its table."""

    name = "marketplace"

    def ready(self) -> None:
        """Say what its entries in the trail are called, and who delivers its messages."""
        from marketplace import words
        from marketplace.services import platform_bots, telling
        from tradewise.outbox.delivery import DELIVER

        words.learn()
        DELIVER[platform_bots.KIND] = platform_bots.deliver
        DELIVER[telling.KIND] = telling.deliver
