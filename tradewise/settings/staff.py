"""The staff site: the Django admin alone, under a login that sees no secret column."""

from tradewise.env import database
from tradewise.settings.base import *  # noqa: F403
from tradewise.settings.base import INSTALLED_APPS as SITE_APPS
from tradewise.settings.base import MIDDLEWARE as SITE_MIDDLEWARE

# This process seals secrets and never opens one, even where it could read the key file.
SEAL_OPENS = False

DATABASES = {"default": database("tw_staff", CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)}

ROOT_URLCONF = "tradewise.urls_staff"
INSTALLED_APPS = [*SITE_APPS, "django.contrib.admin"]
MIDDLEWARE = [
    *(name for name in SITE_MIDDLEWARE if not name.startswith("accounts.")),
    "accounts.staff.StaffMiddleware",
]
AUTHENTICATION_BACKENDS = ["accounts.backends.StaffBackend"]
SESSION_COOKIE_NAME = "staff-session"
CSRF_COOKIE_NAME = "staff-csrf"
SESSION_COOKIE_AGE = 8 * 3600
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
LOGOUT_REDIRECT_URL = "admin:login"
