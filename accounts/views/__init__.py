"""The account pages that are ours; allauth has the others."""
