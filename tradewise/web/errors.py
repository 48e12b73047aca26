"""The pages for what went wrong. They need no session and no database, because those may be what is wrong."""

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from psycopg_pool import PoolTimeout, TooManyRequests

# What the database says when it is not there: 08 connection, 53 out of resources, 57P shutting down.
OUTAGE_STATES = ("08", "53", "57P")


def error_page(status: int, reason: str) -> HttpResponse:
    """400 and its like: `reason` is a finished sentence."""
    return HttpResponse(render_to_string("400.html", {"reason": reason}), status=status)


def outage_page() -> HttpResponse:
    """503 with the time after which to try again, in seconds."""
    response = HttpResponse(render_to_string("503.html"), status=503)
    response.headers["Retry-After"] = "10"
    response.headers["Cache-Control"] = "no-store"
    return response


def is_outage(exception: BaseException | None) -> bool:
    """Whether the database cannot be reached, as against a statement that it refused."""
    if isinstance(exception, PoolTimeout | TooManyRequests | InterfaceError):
        return True
    if isinstance(exception, OperationalError):
        state = getattr(exception.__cause__, "sqlstate", None)
        return state is None or state.startswith(OUTAGE_STATES)
    return False


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """`handler400`."""
    return HttpResponse(render_to_string("400.html"), status=400)


def server_error(request: HttpRequest) -> HttpResponse:
    """`handler500`; 503 where the database is away, which a middleware may be the first to notice."""
    if is_outage(sys.exc_info()[1]):
        return outage_page()
    return HttpResponse(render_to_string("500.html"), status=500)
