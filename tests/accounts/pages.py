"""Views that show what the middleware does around them."""

from collections.abc import Iterator

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    JsonResponse,
    StreamingHttpResponse,
)
from django.template import engines
from django.template.response import TemplateResponse
from django.urls import path

from accounts.http import TraderRequest, outside_transaction
from accounts.models import User
from tradewise.tenancy.context import current_binding, tenant_context
from tradewise.urls import handler400, handler500
from tradewise.urls import urlpatterns as site

__all__ = ["handler400", "handler500", "urlpatterns"]


def told() -> list[str]:
    """What PostgreSQL knows of who acts."""
    names = ("tenant_id", "actor", "ip", "user_agent")
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + ", ".join(f"current_setting('app.{name}', true)" for name in names))
        return [value or "" for value in cursor.fetchone() or ()]


def inside(request: TraderRequest) -> HttpResponse:
    return JsonResponse({"told": told(), "open": connection.in_atomic_block, "user": request.user.email})


def rename(name: str) -> None:
    User.objects.update(full_name=name)


def fails(request: HttpRequest) -> HttpResponse:
    rename("changed before it broke")
    raise ZeroDivisionError


def breaks_the_transaction(request: HttpRequest) -> HttpResponse:
    rename("changed before it broke")
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1 / 0")
    return HttpResponse()


def missing(request: HttpRequest) -> HttpResponse:
    rename("changed before it was missing")
    raise Http404


def lazy(request: HttpRequest) -> HttpResponse:
    template = engines["django"].from_string("{% for person in people %}{{ person.email }}{% endfor %}")
    return TemplateResponse(request, template, {"people": User.objects.all()})


@outside_transaction
def outside(request: TraderRequest) -> HttpResponse:
    was_open = connection.in_atomic_block or connection.connection is not None
    with tenant_context(request.tenant_id):
        count = User.objects.count()
    return JsonResponse({"open": was_open, "user": request.user.email, "count": count})


def streams(request: HttpRequest) -> HttpResponseBase:
    def body() -> Iterator[str]:
        yield f"{connection.in_atomic_block} {current_binding().tenant_id}"

    return StreamingHttpResponse(body())


@login_not_required
def public(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"tenant": told()[0], "open": connection.in_atomic_block})


urlpatterns = [
    *site,
    path("test/public/", public),
    path("test/inside/", inside),
    path("test/fails/", fails),
    path("test/breaks/", breaks_the_transaction),
    path("test/missing/", missing),
    path("test/lazy/", lazy),
    path("test/outside/", outside),
    path("test/streams/", streams),
]
