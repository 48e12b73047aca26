"""Which headers an answer bears, of whatever kind it is."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client, override_settings
from django.urls import include, path

from tradewise.web import errors

WANTED = {
    "Content-Security-Policy": "default-src 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=()",
}


def fails(_: Any) -> HttpResponse:
    raise RuntimeError("a fault of ours")


def is_away(_: Any) -> HttpResponse:
    raise OperationalError("connection refused")


urlpatterns = [
    path("fails/", fails),
    path("away/", is_away),
    path("", include("tradewise.urls")),
]
handler400, handler500 = errors.bad_request, errors.server_error

KINDS: dict[int, Callable[[Client], Any]] = {
    200: lambda browser: browser.get("/"),
    302: lambda _: Client().get("/"),
    303: lambda browser: browser.post("/commands/", {"command": "stop"}),
    400: lambda browser: browser.get("/?q=%00"),
    403: lambda _: Client(enforce_csrf_checks=True).post("/account/login/", {"login": "x"}),
    404: lambda browser: browser.get("/bots/nobody/"),
    405: lambda browser: browser.put("/"),
    414: lambda browser: browser.get("/?q=" + "a" * 5000),
    422: lambda browser: browser.post("/connect/", {}),
    500: lambda browser: browser.get("/fails/"),
    503: lambda browser: browser.get("/away/"),
}


@pytest.mark.parametrize("status", KINDS)
def test_every_kind_of_answer_bears_the_headers(signed_in, status):
    signed_in.raise_request_exception = False
    with override_settings(ROOT_URLCONF=__name__):
        response = KINDS[status](signed_in)
    assert response.status_code == status
    assert missing(response) == []


def test_a_static_file_bears_the_headers(db):
    response = Client().get("/static/js/app.js")
    assert response.status_code == 200
    assert missing(response) == []


def missing(response: Any) -> list[str]:
    return [name for name, part in WANTED.items() if part not in response.headers.get(name, "")]
