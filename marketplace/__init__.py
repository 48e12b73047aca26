"""The marketplace: templates of strategies, and their moderation."""
