"""The ground as a Django app: migrations of the tenant functions, checks, commands, template tags."""

from django.apps import AppConfig


class TradewiseConfig(AppConfig):
    """Registers what belongs to no single app."""

    name = "tradewise"

    def ready(self) -> None:
        """Register the system checks."""
        from tradewise.tenancy import checks  # noqa: F401
