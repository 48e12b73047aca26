"""Where a trader's bots are shown and driven."""

from django.urls import URLPattern

app_name = "bots"
urlpatterns: list[URLPattern] = []
