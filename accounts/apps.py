"""The app's name, for Django."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Named after its table."""

    name = "accounts"

    def ready(self) -> None:
        """Listen for logins, say what its entries in the trail are called, and who delivers its messages."""
        from accounts import receivers, words  # noqa: F401
        from accounts.services import notifying, telling
        from tradewise.outbox.delivery import DELIVER
        from tradewise.outbox.messages import APART

        words.learn()
        DELIVER[notifying.KIND] = telling.tell
        APART.add(telling.WEBHOOK)
