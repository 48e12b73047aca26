"""Bots: what traders run, and the truth about them."""
