"""Subscriptions: a trader following a template with an allocation."""
