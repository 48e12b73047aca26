"""The app's name, for Django."""

from django.apps import AppConfig


class MarketplaceConfig(AppConfig):
    """Named after its table."""

    name = "marketplace"
