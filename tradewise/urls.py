"""The trader site's addresses."""

from django.urls import include, path

urlpatterns = [
    path("account/", include("accounts.urls")),
    path("activity/", include("audit.urls")),
    path("templates/", include("marketplace.urls")),
    path("", include("subscriptions.urls")),
    path("", include("bots.urls")),
]

handler400 = "tradewise.web.errors.bad_request"
handler500 = "tradewise.web.errors.server_error"
