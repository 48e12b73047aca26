"""The staff site's addresses: the admin alone."""

from django.urls import path

from tradewise.web.staff import staff_site

urlpatterns = [path("", staff_site.urls)]

handler400 = "tradewise.web.errors.bad_request"
handler500 = "tradewise.web.errors.server_error"
