"""The truth about bots: the sweep asks those that are due and writes down what it saw.

The database is the queue (`queue`); a tick claims what is due, asks in two lanes (`lanes`, `check`), decides
(`verdict`, `commands`) and writes back in bulk while it goes on (`writing`, `figures`).
"""
