"""The WSGI callable of both sites; DJANGO_SETTINGS_MODULE says which one it is."""

import os

from django.core.wsgi import get_wsgi_application

from tradewise.tenancy.checks import refuse_unsafe_login

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tradewise.settings.trader")
application = get_wsgi_application()
refuse_unsafe_login()
