"""Hostile input, htmx and the headers, as a request meets them."""

import pytest
from django.db import OperationalError
from django.http import HttpResponse, HttpResponseRedirect
from django.test import RequestFactory
from django.urls import reverse

from tradewise.web import middleware

HTMX = {"HX-Request": "true"}


def through(cls, request, answer=None):
    return cls(lambda _: answer or HttpResponse("the page"))(request)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (RequestFactory().get("/?q=a%00b"), 400),
        (RequestFactory().get("/?q=%ED%A0%80"), 400),
        (RequestFactory().get("/a%00b"), 400),
        (RequestFactory().get("/", headers={"User-Agent": "x\x00y"}), 400),
        (RequestFactory().post("/", {"name": "a\x00b"}), 400),
        (RequestFactory().post("/", "na%00me=1", content_type="application/x-www-form-urlencoded"), 400),
        (RequestFactory().get("/?q=" + "a" * 5000), 414),
        (RequestFactory().get("/?q=한국 %25 ü"), 200),
        (RequestFactory().post("/", {"name": "Grid на старом NUC 🚠"}), 200),
    ],
)
def test_what_no_column_stores_is_refused_at_the_door(request_, status):
    response = through(middleware.HostileInputMiddleware, request_)
    assert response.status_code == status
    if status != 200:
        assert b"That request made no sense" in response.content


def test_a_cache_learns_that_page_and_fragment_share_a_url():
    answer = HttpResponse(headers={"Vary": "Cookie"})
    response = through(middleware.HtmxMiddleware, RequestFactory().get("/"), answer)
    assert response["Vary"] == "Cookie, HX-Request"


def test_a_lost_session_moves_the_browser_back_to_the_page():
    request = RequestFactory().post(
        "/bots/x/stop", headers={**HTMX, "HX-Current-URL": "http://testserver/?q=grid"}
    )
    answer = HttpResponseRedirect(reverse("account_login") + "?next=/bots/x/stop")
    response = through(middleware.HtmxMiddleware, request, answer)
    assert response.status_code == 401
    assert response["HX-Redirect"] == reverse("account_login") + "?next=%2F%3Fq%3Dgrid"


@pytest.mark.parametrize("page", ["https://evil.example/", "http://testserver//evil.example", "nonsense"])
def test_the_login_never_leads_to_another_site(page):
    request = RequestFactory().get("/", headers={**HTMX, "HX-Current-URL": page})
    response = through(middleware.HtmxMiddleware, request, HttpResponseRedirect(reverse("account_login")))
    assert response["HX-Redirect"] == reverse("account_login") + "?next=%2F"


def test_other_redirects_stay_redirects():
    elsewhere = HttpResponseRedirect("/somewhere")
    assert through(middleware.HtmxMiddleware, RequestFactory().get("/", headers=HTMX), elsewhere) is elsewhere
    login = HttpResponseRedirect(reverse("account_login"))
    assert through(middleware.HtmxMiddleware, RequestFactory().get("/"), login) is login


def test_what_a_trader_sees_is_kept_by_no_cache(settings):
    request = RequestFactory().get("/")
    assert "Cache-Control" not in through(middleware.SecurityHeadersMiddleware, request)
    request.COOKIES[settings.SESSION_COOKIE_NAME] = "x"
    response = through(middleware.SecurityHeadersMiddleware, request)
    assert response["Cache-Control"] == "no-store"
    assert "camera=()" in response["Permissions-Policy"]
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"


def test_a_database_that_is_away_is_503_and_a_bug_is_not():
    outage = middleware.OutageMiddleware(lambda _: HttpResponse())
    away = outage.process_exception(RequestFactory().get("/"), OperationalError("connection refused"))
    assert away is not None
    assert away.status_code == 503
    assert away["Retry-After"] == "10"
    assert outage.process_exception(RequestFactory().get("/"), ValueError()) is None
