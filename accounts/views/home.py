"""Who one is here."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.http import TraderRequest


@require_GET
def home(request: TraderRequest) -> HttpResponse:
    """Who one is here, and where to change it."""
    return render(request, "account/home.html")
