"""What bots need to be sealed, and figures that the worker writes."""

from tests.bots import conftest as played

_keys, figures, client, intruder = played._keys, played.figures, played.client, played.intruder  # fixtures
