"""One settings module for each process, because each has its own database login."""
