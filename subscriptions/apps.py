"""The app's name, for Django."""

from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    """Named after its table."""

    name = "subscriptions"

    def ready(self) -> None:
        """Say what its entries are called, who delivers its messages, and that it has a say in what its bots use."""
        from bots.services.running import HAVE_A_SAY
        from marketplace.services.telling import NEW_VERSION
        from subscriptions import words
        from subscriptions.services import telling
        from subscriptions.services.amounts import have_a_say
        from tradewise.outbox.delivery import DELIVER

        words.learn()
        DELIVER[NEW_VERSION] = telling.tell_new_version
        HAVE_A_SAY.append(have_a_say)
