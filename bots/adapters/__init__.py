"""Talking to a bot, whatever its engine."""
