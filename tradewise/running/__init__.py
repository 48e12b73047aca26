"""`make run` and `make stop`: the environment, the preparation, and the processes side by side."""
