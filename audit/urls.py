"""Where a trader's own trail is shown."""

from django.urls import URLPattern, path

from audit.views import activity

app_name = "audit"
urlpatterns: list[URLPattern] = [
    path("", activity.activity, name="activity"),
    path("export.csv", activity.export, name="export"),
]
