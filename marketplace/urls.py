"""Where templates are shown."""

from django.urls import URLPattern, path

from marketplace import views

app_name = "marketplace"
urlpatterns: list[URLPattern] = [
    path("", views.templates, name="templates"),
    path("<slug:template_id>/start/", views.start, name="start"),
]
