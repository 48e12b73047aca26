"""The pages about a trader's own bots."""
