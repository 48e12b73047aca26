"""What every process shares. The database login is what differs: see `trader`, `staff`, `worker`, `ops`."""

from csp.constants import NONE, SELF

from tradewise.env import ROOT, env, is_embedded, networks, outbox_email, redis_url, secret_key, var_directory

BASE_DIR = ROOT
VAR = var_directory()

DEBUG = env.bool("DEBUG", default=False)
SECRET_KEY = secret_key()
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list(
    "ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"] if is_embedded() else []
)
#: The address under which people reach the trader site; links in mails are built from it.
SITE_URL = env.str("SITE_URL", default="http://127.0.0.1:8000")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "tradewise",
    "audit",
    "accounts",
    "bots",
    "marketplace",
    "subscriptions",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "template_partials",
    "allauth",
    "allauth.account",
    "csp",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

WSGI_APPLICATION = "tradewise.wsgi.application"
ROOT_URLCONF = "tradewise.urls"

# Integers, as ordered; what is shown in a URL is a public identifier beside them.
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
MIGRATION_MODULES: dict[str, str] = {}

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = ["accounts.hashers.Argon2"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

#: Installations that share a Redis each need a name of their own there.
REDIS_PREFIX = env.str("REDIS_PREFIX", default="tw")
CACHES = {
    "default": {
        "BACKEND": "tradewise.web.cache.ResilientRedisCache",
        "LOCATION": redis_url(number=1),
        "KEY_PREFIX": REDIS_PREFIX,
    },
    # Without Redis it is empty: a session that ended must not live on in some process's memory.
    "sessions": {
        "BACKEND": "tradewise.web.cache.ResilientRedisCache",
        "LOCATION": redis_url(number=1),
        "KEY_PREFIX": REDIS_PREFIX,
        "OPTIONS": {"fallback": "none"},
    },
}

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {
    "login": "accounts.forms.LoginForm",
    "signup": "accounts.forms.SignupForm",
    "add_email": "accounts.forms.NewEmailForm",
    "reset_password": "accounts.forms.ForgottenPasswordForm",
    "reauthenticate": "accounts.forms.ReauthenticateForm",
    "confirm_email_verification_code": "accounts.forms.ConfirmEmailForm",
    "reset_password_from_key": "accounts.forms.NewPasswordForm",
    "change_password": "accounts.forms.ChangePasswordForm",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
# Codes and not links: what waits for one is then kept in the session of who asked, and in no table.
ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED = True
ACCOUNT_EMAIL_VERIFICATION_SUPPORTS_RESEND = True
ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED = True
ACCOUNT_PASSWORD_RESET_BY_CODE_TIMEOUT = 15 * 60
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
# A new e-mail address can take the account over, so the password is asked for again.
ACCOUNT_REAUTHENTICATION_REQUIRED = True

# Beside allauth's own limits: nobody fills somebody's mailbox with codes.
ACCOUNT_RATE_LIMITS = {
    "confirm_email": "1/10s/key,6/15m/key",
    "reset_password": "20/m/ip,5/m/key,10/h/key",
}

#: Proxies (CIDRs) whose X-Forwarded-For is believed, and how many of them stand in a row.
TRUSTED_PROXIES = networks("TRUSTED_PROXIES")
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)

# A site stores its mails with the transaction that causes them; the worker sends them.
EMAIL_BACKEND = "tradewise.outbox.mail.OutboxBackend"
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="TradeWise <noreply@localhost>")
#: Where mails lie as files while no OUTBOX_EMAIL_URL names a mail server.
MAIL_DIRECTORY = VAR / "mail"
OUTBOX_EMAIL = outbox_email(MAIL_DIRECTORY)

LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
# The chart library is fetched from npm by its lock file and served as a file of ours.
CHARTS = ROOT / "node_modules" / "lightweight-charts" / "dist"
STATICFILES_DIRS = [ROOT / "static", *([("vendor/lightweight-charts", CHARTS)] if CHARTS.is_dir() else [])]
STATIC_ROOT = VAR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

# Behind TLS everywhere but on a machine's own loopback, where there is none.
SECURE = env.bool("SECURE", default=not is_embedded())
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_NAME = "__Host-session" if SECURE else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
SESSION_COOKIE_AGE = 7 * 24 * 3600
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE
SECURE_HSTS_PRELOAD = SECURE
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=False)
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
if env.bool("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "object-src": [NONE],
    }
}

DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
FORM_RENDERER = "tradewise.web.forms.FormRenderer"

#: Addresses inside private networks that bots may be reached at: "CIDR:ports,CIDR:ports".
EGRESS_ALLOW = env.str("EGRESS_ALLOW", default="")
EGRESS_CA_FILE = env.str("EGRESS_CA_FILE", default="")

#: Seconds between two checks of one bot, and how many checks are in flight at once.
BOT_CHECK_INTERVAL = env.int("BOT_CHECK_INTERVAL", default=15)
BOT_CHECK_CONCURRENCY = env.int("BOT_CHECK_CONCURRENCY", default=200)
#: Seconds between two readings of a bot's figures; never under 60.
BOT_FIGURES_INTERVAL = max(60, env.int("BOT_FIGURES_INTERVAL", default=60))
#: Seconds after which a check without an answer has failed.
BOT_CHECK_TIMEOUT = env.float("BOT_CHECK_TIMEOUT", default=5.0)
#: Days for which each minute's sample is kept; daily results are kept for good.
BOT_SAMPLE_RETENTION_DAYS = env.int("BOT_SAMPLE_RETENTION_DAYS", default=30)
#: Where engines run: "process" (Freqtrade in its own virtual environment) or "docker".
BOT_RUNTIME = env.str("BOT_RUNTIME", default="process")
#: This machine's name, its range of ports, where its bots' directories lie, and the memory that they may use together.
BOT_HOST = env.str("BOT_HOST", default="main")
BOT_PORTS = env.str("BOT_PORTS", default="18100-18199")
BOT_DIRECTORY = env.str("BOT_DIRECTORY", default=str(VAR / "bots"))
BOT_MEMORY_MB = env.int("BOT_MEMORY_MB", default=0)  # 0: two thirds of the machine's
#: Memory that one engine needs; with Docker also its limit, doubled.
BOT_ENGINE_MB = env.int("BOT_ENGINE_MB", default=330)
#: Engines that start at the same time, each of which costs three CPU-seconds; 0: one for each core.
BOT_STARTS_AT_ONCE = env.int("BOT_STARTS_AT_ONCE", default=0)
#: Engines that one tenant may run, where `limit_engines` says nothing else.
BOT_ENGINES_PER_TENANT = env.int("BOT_ENGINES_PER_TENANT", default=5)
#: Where the simulated exchange listens; without it no bot trades there.
BOT_SIMULATED_EXCHANGE = env.str("BOT_SIMULATED_EXCHANGE", default="")
#: For Docker: the image by digest, and where its engine listens.
BOT_IMAGE = env.str("BOT_IMAGE", default="")
BOT_DOCKER_URL = env.str("BOT_DOCKER_URL", default="unix:///var/run/docker.sock")
#: Bots that one tenant may have.
BOT_LIMIT = env.int("BOT_LIMIT", default=500)

#: Where the worker notes the end of the audit trail's chain, outside the database, and where months of it are archived.
AUDIT_HEAD_FILE = env.str("AUDIT_HEAD_FILE", default=str(VAR / "audit" / "head.json"))
AUDIT_ARCHIVE_DIRECTORY = env.str("AUDIT_ARCHIVE_DIRECTORY", default=str(VAR / "audit" / "archive"))

CELERY_BROKER_URL = redis_url(number=0)
CELERY_TASK_DEFAULT_QUEUE = f"{REDIS_PREFIX}-tasks"
#: What may take its time has a queue and a worker of its own, so that it never keeps checks of bots waiting.
SLOW_TASKS = (
    "accounts.post_webhooks",
    "marketplace.keep_records",
    "marketplace.keep_prices",
    "subscriptions.reckon",
)
SLOW_QUEUE = f"{REDIS_PREFIX}-slow"
CELERY_TASK_ROUTES = {task: {"queue": SLOW_QUEUE} for task in SLOW_TASKS}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 300,
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    # A tick every two seconds is no news; what it did is, and the sweep says that itself.
    "loggers": {
        name: {"level": "WARNING"} for name in ("celery.worker.strategy", "celery.app.trace", "celery.beat")
    },
}

MIDDLEWARE = [
    "tradewise.web.middleware.SecurityHeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    # Above all that may answer by itself, so that a refusal and a static file bear the headers too.
    "csp.middleware.CSPMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tradewise.web.middleware.HostileInputMiddleware",
    "tradewise.web.middleware.OutageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "tradewise.web.middleware.HtmxMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "accounts.middleware.TenantMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "accounts.middleware.FormStatusMiddleware",
    "allauth.account.middleware.AccountMiddleware",
]
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SESSION_ENGINE = "accounts.sessions"
SESSION_CACHE_ALIAS = "sessions"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "account_login"
