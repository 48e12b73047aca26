"""The tests: the trader site as `tw_app`, never as a superuser, against servers under `var/test/`."""

from tradewise.env import database, var_directory
from tradewise.settings.trader import *  # noqa: F403

SEAL_OPENS = True  # one process plays the site and the worker
DATABASES = {"default": database("tw_app")}
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
MAIL_DIRECTORY = var_directory() / "mail"
# Static files as they lie in the tree: nothing is collected for a test.
WHITENOISE_AUTOREFRESH = WHITENOISE_USE_FINDERS = True
