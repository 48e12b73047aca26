"""The app's name, for Django."""

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    """Named after its table."""

    name = "accounts"
