"""What changes about an account, and what is told outside the site."""
