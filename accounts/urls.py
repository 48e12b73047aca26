"""Everything under /account/: our own page, and allauth's."""

from django.urls import include, path

from accounts import views

urlpatterns = [
    path("", views.home, name="account_home"),
    path("", include("allauth.account.urls")),
]
