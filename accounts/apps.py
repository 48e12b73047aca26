"""The app's name, for Django."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Named after its table."""

    name = "accounts"

    def ready(self) -> None:
        """Listen for logins."""
        from accounts import receivers  # noqa: F401
