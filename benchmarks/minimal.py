"""The page that the fleet page is measured against: what Django costs for the same rows, and nothing else.

A view, the ORM, a template. No middleware, no login, no session, and a database login that row-level security
ignores, on a connection that stays open.
"""

from pathlib import Path
from typing import Any

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.http import HttpRequest, HttpResponse
from django.template import Context, Engine
from django.urls import path

from bots.models import Bot

DATABASE = "plain"
ENGINE = Engine(dirs=[str(Path(__file__).parent / "templates")])


class PlainRequest(WSGIRequest):
    """Resolved by this module's addresses, whatever the settings name."""

    urlconf = __name__


class PlainHandler(WSGIHandler):
    """Django's handler without one middleware."""

    request_class = PlainRequest

    def load_middleware(self, is_async: bool = False) -> None:
        from django.test import override_settings

        with override_settings(MIDDLEWARE=[]):
            super().load_middleware(is_async)


def usual(request: HttpRequest, tenant: str, count: int) -> HttpResponse:
    """As a tutorial would write it: objects, filters for dates and numbers, a link in each row."""
    bots = _bots(tenant).select_related("figures").order_by("name")[:count]
    return _page("usual.html", bots)


def barest(request: HttpRequest, tenant: str, count: int) -> HttpResponse:
    """As fast as the template engine goes: values as they come, no link made, nothing formatted."""
    columns = (
        "bot_id name status health connection_error strategy exchange dry_run stake_currency last_ping"
        " figures__profit_today figures__profit_all figures__open_trade_count figures__max_open_trades"
    )
    bots = _bots(tenant).order_by("name").values(*columns.split())[:count]
    return _page("barest.html", bots)


def _bots(tenant: str) -> Any:
    return Bot.across_tenants.using(DATABASE).filter(tenant_id=tenant)


def _page(template: str, bots: Any) -> HttpResponse:
    return HttpResponse(ENGINE.get_template(template).render(Context({"bots": bots})))


def bot(request: HttpRequest, bot_id: str) -> HttpResponse:
    """Where the links lead."""
    return HttpResponse(bot_id)


urlpatterns = [
    path("usual/<str:tenant>/<int:count>/", usual),
    path("barest/<str:tenant>/<int:count>/", barest),
    path("bots/<str:bot_id>/", bot, name="bot"),
]
