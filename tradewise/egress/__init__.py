"""The only door out: every connection to an address that a user supplied is opened here.

A guard that looks at the URL, or at what a name resolves to, can be walked round: by a literal in another
notation, by a name that changes its mind, by a redirect. Here the address that a socket is about to connect
to is checked against an explicit table, at the moment of the dial.
"""

from tradewise.egress.allowlist import AllowList, AllowListError
from tradewise.egress.client import Client, Response
from tradewise.egress.failures import EgressError, Failure
from tradewise.egress.urls import check_url, origin

__all__ = [
    "AllowList",
    "AllowListError",
    "Client",
    "EgressError",
    "Failure",
    "Response",
    "check_url",
    "origin",
]
