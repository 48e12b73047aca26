"""`manage.py`: the login that migrates. It owns the tables and still sees no tenant's rows uninvited."""

from tradewise.env import database
from tradewise.settings.trader import *  # noqa: F403
from tradewise.settings.trader import INSTALLED_APPS as TRADER_APPS

DATABASES = {"default": database("tw_migrator", OPTIONS={"options": "-c lock_timeout=4s"})}

# The staff site's tables are migrated with the rest.
INSTALLED_APPS = [*TRADER_APPS, "django.contrib.admin"]
