"""The trader site: the login that sees one tenant at a time."""

from tradewise.env import database, env
from tradewise.settings.base import *  # noqa: F403

DATABASES = {
    "default": database(
        "tw_app",
        # Connections are pooled in the web processes alone; the pool tests one before it lends it.
        CONN_HEALTH_CHECKS=True,
        OPTIONS={
            "pool": {
                "min_size": 2,
                "max_size": env.int("DATABASE_POOL_SIZE", default=20),
                "timeout": 5,
            }
        },
    )
}

MIDDLEWARE = [
    "tradewise.web.middleware.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "tradewise.web.middleware.HostileInputMiddleware",
    "tradewise.web.middleware.OutageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "tradewise.web.middleware.HtmxMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.TenantMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SESSION_ENGINE = "accounts.sessions"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "bots:fleet"
LOGOUT_REDIRECT_URL = "account_login"
