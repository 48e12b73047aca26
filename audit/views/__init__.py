"""The pages of a trader's own trail."""
