"""Where a trader subscribes, and what comes of it."""

from django.urls import URLPattern, path

from subscriptions.views import limits, mine, moving, subscribing

app_name = "subscriptions"
urlpatterns: list[URLPattern] = [
    path("templates/<slug:template_id>/subscribe/", subscribing.subscribe, name="subscribe"),
    path("subscriptions/", mine.mine, name="mine"),
    path("subscriptions/<slug:bot_id>/pause/", mine.pause, name="pause"),
    path("subscriptions/<slug:bot_id>/resume/", mine.resume, name="resume"),
    path("subscriptions/<slug:bot_id>/allocation/", mine.allocation, name="allocation"),
    path("subscriptions/limit/", limits.limit, name="limit"),
    path("subscriptions/<slug:bot_id>/version/", moving.move, name="move"),
    path("subscriptions/<slug:bot_id>/cancel/", mine.cancel, name="cancel"),
]
