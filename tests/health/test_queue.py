"""Leases: one worker at a time, no late writer, and nothing of what a trader asked for meanwhile is lost."""
