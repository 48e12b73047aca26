"""A simulated exchange, and a real Freqtrade that trades on it.

Nothing here needs Django, and the exchange needs nothing but the standard library, so both run from
any virtual environment and on a machine without a network.
"""
