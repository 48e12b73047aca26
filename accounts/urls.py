"""Everything under /account/: our own page, and allauth's."""

from django.urls import include, path

from accounts.views import home, notifications

urlpatterns = [
    path("", home.home, name="account_home"),
    path("notifications/", notifications.page, name="account_notifications"),
    path("notifications/webhook/", notifications.webhook, name="account_webhook"),
    path("notifications/webhook/secret/", notifications.secret, name="account_webhook_secret"),
    path("notifications/webhook/test/", notifications.test, name="account_webhook_test"),
    path("notifications/webhook/remove/", notifications.remove, name="account_webhook_remove"),
    path("", include("allauth.account.urls")),
]
