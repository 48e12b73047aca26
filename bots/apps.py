"""The app's name, for Django."""

from django.apps import AppConfig


class BotsConfig(AppConfig):
    """Named after its table."""

    name = "bots"
