"""What may be done with templates."""
