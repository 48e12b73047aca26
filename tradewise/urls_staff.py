"""The staff site's addresses: the admin alone."""

from django.contrib import admin
from django.urls import path

admin.site.site_header = admin.site.site_title = "TradeWise staff"
admin.site.index_title = "Moderation and support"

urlpatterns = [path("", admin.site.urls)]

handler400 = "tradewise.web.errors.bad_request"
handler500 = "tradewise.web.errors.server_error"
