"""`manage.py`: the login that migrates. It owns the tables and still sees no tenant's rows uninvited."""

from tradewise.env import database
from tradewise.settings.base import *  # noqa: F403
from tradewise.settings.base import INSTALLED_APPS as SITE_APPS

DATABASES = {"default": database("tw_migrator", OPTIONS={"options": "-c lock_timeout=4s"})}

# The staff site's tables are migrated with the rest.
INSTALLED_APPS = [*SITE_APPS, "django.contrib.admin"]
