"""The app's name, for Django."""

from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    """Named after its table."""

    name = "subscriptions"

    def ready(self) -> None:
        """Say what its entries in the trail are called."""
        from subscriptions import words

        words.learn()
