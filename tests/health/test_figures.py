"""Figures are stored once, as the bot says them, and no sample that would show a loss that is none."""
