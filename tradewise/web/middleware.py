"""What holds for every request: headers, hostile input, outages, and what htmx needs."""

import re
from collections.abc import Callable
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.http.response import HttpResponseRedirectBase
from django.shortcuts import resolve_url
from django.utils.cache import patch_vary_headers
from django.utils.http import url_has_allowed_host_and_scheme
from django_htmx.middleware import HtmxDetails

from tradewise.web.errors import error_page, is_outage, outage_page

GetResponse = Callable[[HttpRequest], HttpResponse]

#: Characters of a query string; more is no link of ours.
MAX_QUERY = 4096

# PostgreSQL stores neither, so each would be a 500 far from where it came in.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
# The same two, still percent-encoded.
UNSTORABLE_ENCODED = re.compile(r"%00|%ed%[ab][0-9a-f]", re.IGNORECASE)

FORM_TYPES = frozenset({"application/x-www-form-urlencoded", "multipart/form-data"})

PERMISSIONS_POLICY = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "browsing-topics",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "magnetometer",
        "microphone",
        "midi",
        "payment",
        "usb",
    )
)


class SecurityHeadersMiddleware:
    """Headers that Django has no setting for. What a view set itself stays."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        response.headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
        response.headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
        # Asking the cookie and not `request.user` costs no query, and keeps what a trader sees
        # out of every cache even where a session has just ended.
        if (
            settings.SESSION_COOKIE_NAME in request.COOKIES
            or settings.SESSION_COOKIE_NAME in response.cookies
        ):
            response.headers.setdefault("Cache-Control", "no-store")
        return response


class HostileInputMiddleware:
    """Refuses, with 400 and a sentence, what no form of ours sends and no column of ours stores."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        query = request.META.get("QUERY_STRING", "")
        if len(query) > MAX_QUERY:
            return error_page(414, "The address is too long.")
        if UNSTORABLE.search(query) or UNSTORABLE_ENCODED.search(query) or UNSTORABLE.search(request.path):
            return error_page(400, "The address holds characters that are not text.")
        for name, value in request.META.items():
            if name.startswith("HTTP_") and isinstance(value, str) and UNSTORABLE.search(value):
                return error_page(400, "A header of the request holds characters that are not text.")
        if request.method == "POST" and request.content_type in FORM_TYPES:
            return self._check_form(request)
        return self.get_response(request)

    def _check_form(self, request: HttpRequest) -> HttpResponse:
        try:
            form = request.POST
        except UnreadablePostError:
            return error_page(400, "The form broke off before it had arrived.")
        for name, values in form.lists():
            if UNSTORABLE.search(name) or any(UNSTORABLE.search(str(value)) for value in values):
                return error_page(400, "The form holds characters that are not text. Nothing was changed.")
        for name, files in request.FILES.lists():
            if UNSTORABLE.search(name) or any(UNSTORABLE.search(file.name or "") for file in files):
                return error_page(400, "The name of a file holds characters that are not text.")
        return self.get_response(request)


class OutageMiddleware:
    """A database that does not answer is 503 and a page that says so, not a fault of ours.

    This hears what views raise; what a middleware raises reaches `tradewise.web.errors.server_error`.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return outage_page() if is_outage(exception) else None


class HtmxMiddleware:
    """Two mistakes every htmx site makes once, made impossible here.

    A cache has to know that a page and its fragment share a URL. And an expired session must move the
    browser to the login, back to the page afterwards, and not put a login form into a table cell.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        htmx = HtmxDetails(request)
        response = self.get_response(request)
        if htmx and isinstance(response, HttpResponseRedirectBase) and _leads_to_login(response):
            response = _move_browser_to_login(htmx, response)
        patch_vary_headers(response, ["HX-Request"])
        return response


def _leads_to_login(response: HttpResponseRedirectBase) -> bool:
    return urlsplit(response.url).path == urlsplit(resolve_url(settings.LOGIN_URL)).path


def _move_browser_to_login(htmx: HtmxDetails, redirect: HttpResponseRedirectBase) -> HttpResponse:
    """401 with the way to the login; `next` is the page that the trader sees, never the fragment's URL."""
    here = htmx.current_url_abs_path or "/"
    if not url_has_allowed_host_and_scheme(here, allowed_hosts=None):
        here = "/"
    response = HttpResponse(status=401)
    response.headers["HX-Redirect"] = f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': here})}"
    response.cookies = redirect.cookies
    return response
