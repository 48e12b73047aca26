"""The app's name, for Django."""

from django.apps import AppConfig


class AuditConfig(AppConfig):
    """Named after its table."""

    name = "audit"
