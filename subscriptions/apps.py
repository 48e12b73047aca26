"""The app's name, for Django."""

from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    """Named after its table."""

    name = "subscriptions"

    def ready(self) -> None:
        """Say what its entries in the trail are called, and who delivers its messages."""
        from marketplace.services.telling import NEW_VERSION
        from subscriptions import words
        from subscriptions.services import telling
        from tradewise.outbox.delivery import DELIVER

        words.learn()
        DELIVER[NEW_VERSION] = telling.tell_new_version
