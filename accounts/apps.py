"""The app's name, for Django."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Named after its table."""

    name = "accounts"

    def ready(self) -> None:
        """Listen for logins, and say what its entries in the trail are called."""
        from accounts import receivers, words  # noqa: F401

        words.learn()
