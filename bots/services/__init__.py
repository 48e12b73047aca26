"""What changes bots. Each function is one transaction of the tenant who asks."""
