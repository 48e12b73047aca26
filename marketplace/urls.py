"""Where templates are shown."""

from django.urls import URLPattern, path

from marketplace.views import authoring, listing, record, showing

app_name = "marketplace"
urlpatterns: list[URLPattern] = [
    path("", listing.templates, name="templates"),
    path("new/<slug:kind>/", authoring.new, name="new"),
    path("<slug:template_id>/", showing.template, name="template"),
    path("<slug:template_id>/record.json", record.record, name="record"),
    path("<slug:template_id>/edit/", authoring.edit, name="edit"),
    path("<slug:template_id>/submit/", authoring.submit, name="submit"),
    path("<slug:template_id>/withdraw/", authoring.withdraw, name="withdraw"),
    path("<slug:template_id>/delete/", authoring.discard, name="discard"),
    path("<slug:template_id>/start/", listing.start, name="start"),
]
