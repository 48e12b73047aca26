"""Pages about subscriptions."""
