"""One page, one URL, one template: the fragment is a named part of the page."""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render, resolve_url
from django_htmx.http import trigger_client_event
from django_htmx.middleware import HtmxDetails

from tradewise.exceptions import DomainError


class SeeOther(HttpResponseRedirect):
    """After a form was posted: the browser gets the page anew, and a reload repeats nothing."""

    status_code = 303


def wants_fragment(request: HttpRequest) -> bool:
    """Whether htmx will swap the answer into a page that is already there.

    A boosted link and a restored history entry replace the whole page, so they get the page.
    """
    htmx = getattr(request, "htmx", None)
    if htmx is None:
        htmx = HtmxDetails(request)
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


def render_page(
    request: HttpRequest,
    template: str,
    context: Mapping[str, Any],
    *,
    fragment: str,
    status: int = 200,
    fallback: str | None = None,
) -> HttpResponse:
    """Render the page, or only its partial `fragment` when htmx asked for it.

    `fallback` is for an action whose page needs more than `context` holds: without htmx the browser is
    sent there (a URL name or a path) instead.
    """
    if wants_fragment(request):
        return render(request, f"{template}#{fragment}", dict(context), status=status)
    if fallback is not None:
        return SeeOther(resolve_url(fallback))
    return render(request, template, dict(context), status=status)


def render_refusal(
    request: HttpRequest,
    refusal: DomainError | str,
    template: str,
    context: Mapping[str, Any],
    *,
    fragment: str,
    fallback: str | None = None,
) -> HttpResponse:
    """Say why something was not done, beside what is true now.

    htmx gets the fragment with 409 and the sentence as a notice. Without htmx the sentence is shown on
    `fallback` as a message, or, where there is none, on a page of its own with 409.
    """
    sentence = str(refusal)
    if wants_fragment(request):
        page = render(request, f"{template}#{fragment}", {**context, "refusal": sentence}, status=409)
        return notify(page, sentence, kind="refusal")
    if fallback is not None:
        messages.error(request, sentence)
        return SeeOther(resolve_url(fallback))
    return render(request, "409.html", {"refusal": sentence}, status=409)


def redirect_or_fragment(
    request: HttpRequest,
    to: str,
    template: str,
    context: Mapping[str, Any],
    *,
    fragment: str,
    notice: str = "",
) -> HttpResponse:
    """After an action: htmx gets the fragment as it is now, a plain form is sent on to `to`.

    `notice` is a finished sentence of success, shown either way.
    """
    if wants_fragment(request):
        page = render(request, f"{template}#{fragment}", dict(context))
        return notify(page, notice, kind="success") if notice else page
    if notice:
        messages.success(request, notice)
    return SeeOther(resolve_url(to))


def notify(response: HttpResponse, sentence: str, *, kind: str = "info") -> HttpResponse:
    """Let the page that htmx updates show `sentence`: kind is success, info, warn or refusal."""
    return trigger_client_event(response, "tw:notice", {"kind": kind, "text": sentence})
