"""The trader site with one more page: its layout, and nothing on it."""

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import path

from tradewise.urls import handler400, handler500, urlpatterns

__all__ = ["handler400", "handler500", "urlpatterns"]


@login_not_required
def empty(request: HttpRequest) -> HttpResponse:
    """As a visitor gets every page that asks the database something, and nothing asked."""
    connection.ensure_connection()
    return render(request, "layouts/app.html", {"csrf_token": ""})


urlpatterns = [*urlpatterns, path("empty/", empty)]  # type: ignore[list-item]
