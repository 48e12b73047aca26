"""The app's name, for Django."""

from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    """Named after its table."""

    name = "subscriptions"
