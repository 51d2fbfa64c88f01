"""Every setting, read from the environment once. The only reader of os.environ; a wrong value stops the
start."""

import logging
import re
from email.utils import parseaddr
from importlib.util import find_spec
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import unquote, urlsplit
from zoneinfo import available_timezones

import idna
from django.core.exceptions import ImproperlyConfigured
from environs import validate

from dashboard import VERSION  # noqa: F401 -- pages say it
from dashboard.data_folder import DataFolder, new_secret_key
from dashboard.environment import read_environment
from dashboard.headers import of_static_files
from dashboard.log_lines import LogLine
from people.names import visible
from runs.sealed import is_encryption_key, new_encryption_key

DEFAULT_PORTS = {"http": 80, "https": 443}
# As Django reads it in requests. A dot at its beginning means all below it; a star is refused further down.
HOST_NAME = re.compile(r"\.?[a-z0-9*-]+(\.[a-z0-9-]+)*")
BASE_DIR = Path(__file__).resolve().parent.parent


def fail(message: str):
    raise ImproperlyConfigured(message)


def origin_of(url: str, name: str) -> str:
    """`scheme://host[:port]` of an address that must be nothing but that, as browsers write it: it is
    compared with what they say."""
    wrong = f"{name} must look like https://host.example, not {re.sub('//[^/?#]*@', '//…@', url)!r}"
    try:
        parts = urlsplit(url)
        host, port = as_host(parts.hostname or ""), parts.port
    except ValueError:
        fail(wrong)
    is_server = parts.scheme in DEFAULT_PORTS and port != 0 and not host.startswith(".")
    if not is_server or parts.username or parts.query or parts.fragment:
        fail(wrong)
    if parts.path.strip("/"):
        fail(f"{wrong}: a path is not supported")
    is_plain = port in (None, DEFAULT_PORTS[parts.scheme])
    return f"{parts.scheme}://{host}" if is_plain else f"{parts.scheme}://{host}:{port}"


def as_host(name: str) -> str:
    """The name of a host as it stands in an address and in `Host`, without a dot at its end: IPv6 in brackets
    and one spelling, other letters than ASCII's as browsers write them (UTS 46). Raises ValueError."""
    name = name.strip().lower()
    if ":" in name:
        return f"[{ip_address(name.strip('[]'))}]"
    name = (name if name.isascii() else idna.encode(name, uts46=True).decode()).removesuffix(".")
    if not HOST_NAME.fullmatch(name):
        raise ValueError("no name of a host")
    return name


def server_url(name: str, *, schemes: tuple[str, ...], example: str, packages: tuple[str, ...]) -> str:
    """The address of a server in the variable `name`, or nothing. It may hold a password: no message quotes
    it."""
    url = env.str(name, "")
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good:
        fail(f"{name} must look like {example}")
    if missing := [package for package in packages if find_spec(package) is None]:
        fail(f"{name} needs {', '.join(missing)}: pip install -r requirements-scale.txt")
    return url


try:
    env = read_environment()
    HOST = env.str("HOST", "127.0.0.1")
    PORT = env.int("PORT", 8000, validate=validate.Range(1, 65535))
    DEBUG = env.bool("DEBUG", False)
    LOG_LEVEL = env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]))
    TIME_ZONE = env.str("TIME_ZONE", "UTC")
    # Beside manage.py, wherever a command is typed.
    DATA = BASE_DIR / env.str("GIGAWATCH_DATA", "var")
    STATIC_ROOT = BASE_DIR / (env.str("STATIC_ROOT", "") or DATA / "static")
    SITE_URL = env.str("SITE_URL", "")
    GIGA_API_KEY = env.str("GIGA_API_KEY", "").strip()
    GIGA_API_URL = env.str("GIGA_API_URL", "https://api.withgiga.ai").rstrip("/")
    CRASH_AT = env.str("CRASH_AT", "")
    SIMULATOR_SPEED = env.float("SIMULATOR_SPEED", 1.0, validate=validate.Range(0.1, 1000))
    SUPERUSER_USERNAME = env.str("DJANGO_SUPERUSER_USERNAME", "")
    SUPERUSER_PASSWORD = env.str("DJANGO_SUPERUSER_PASSWORD", "")
    SUPERUSER_EMAIL = env.str("DJANGO_SUPERUSER_EMAIL", "")
    SECRET_KEY = env.str("SECRET_KEY", "")
    ENCRYPTION_KEYS_TEXT = env.str("ENCRYPTION_KEYS", "")
    allowed_hosts = env.list("ALLOWED_HOSTS", [])
    DATABASE_URL = server_url(
        "DATABASE_URL",
        schemes=("postgres", "postgresql"),
        example="postgres://user:password@host:5432/name",
        packages=("psycopg", "psycopg_pool", "dj_database_url"),
    )
    REDIS_URL = server_url(
        "REDIS_URL",
        schemes=("redis", "rediss"),
        example="redis://host:6379/0",
        packages=("channels_redis", "redis"),
    )
    CELERY_BROKER_URL = server_url(
        "CELERY_BROKER_URL",
        schemes=("redis", "rediss"),
        example="redis://host:6379/1",
        packages=("celery", "django_tasks_fennel", "redis"),
    )
    postgres = env.dj_db_url("DATABASE_URL") if DATABASE_URL else None
    WORKSPACE_CREATION = env.str(
        "WORKSPACE_CREATION", "superusers", validate=validate.OneOf(["superusers", "anyone"])
    )
    desktop_networks = env.list("DESKTOP_NETWORKS", [])
    TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", 0, validate=validate.Range(0, 10))
    SESSION_DAYS = env.int("SESSION_DAYS", 7, validate=validate.Range(1, 90))
    SESSION_IDLE_HOURS = env.int("SESSION_IDLE_HOURS", 8, validate=validate.Range(1, 90 * 24))
    SMTP_URL = env.str("SMTP_URL", "")
    MAIL_FROM = env.str("MAIL_FROM", "")
    OIDC_ISSUER = env.str("OIDC_ISSUER", "").rstrip("/")
    OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", "")
    OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", "")
    OIDC_NAME = env.str("OIDC_NAME", "Single sign-on")
    OIDC_ALLOWED_DOMAINS = [domain.strip().lower() for domain in env.list("OIDC_ALLOWED_DOMAINS", [])]
    OIDC_ROLE = env.str("OIDC_ROLE", "viewer", validate=validate.OneOf(["viewer", "operator", "manager"]))
except ValueError as error:  # EnvError, too, is one
    fail(str(error))
try:
    DESKTOP_NETWORKS = [ip_network(network.strip()) for network in desktop_networks]
except ValueError as error:
    fail(f"DESKTOP_NETWORKS must look like 10.0.0.0/8,fd00::/8: {error}")

for name, value in {"DJANGO_SUPERUSER_USERNAME": SUPERUSER_USERNAME, "OIDC_NAME": OIDC_NAME}.items():
    if value and visible(value) != value:
        fail(f"{name} is a name to read: nothing in it may be invisible")

DATA_FOLDER = DataFolder(DATA, is_ours=DATA == BASE_DIR / "var")
SECRET_KEY = SECRET_KEY or DATA_FOLDER.secret("secret_key", new_secret_key)
ENCRYPTION_KEYS_TEXT = ENCRYPTION_KEYS_TEXT or DATA_FOLDER.secret("encryption_keys", new_encryption_key)
if len(SECRET_KEY) < 50 or len(set(SECRET_KEY)) < 5:
    fail("SECRET_KEY must be at least 50 characters long, and random")
# Newest first: the first seals, all of them open.
ENCRYPTION_KEYS = ENCRYPTION_KEYS_TEXT.replace(",", "\n").split()
if not ENCRYPTION_KEYS or not all(is_encryption_key(key) for key in ENCRYPTION_KEYS):
    fail("ENCRYPTION_KEYS must be <id>:<base64 of 32 bytes>, separated by commas, newest first")
if TIME_ZONE not in available_timezones():
    fail(f"TIME_ZONE must be a name like Europe/Berlin, not {TIME_ZONE!r}")

IS_DEMO = not GIGA_API_KEY
if not IS_DEMO:
    GIGA_API_URL = origin_of(GIGA_API_URL, "GIGA_API_URL")
    if not re.fullmatch(r"[!-~]{8,200}", GIGA_API_KEY):
        fail("GIGA_API_KEY must be one word without spaces: giga_sk_ and 32 digits")

if CELERY_BROKER_URL:
    # Several processes: each of these would otherwise be one process's own.
    if not DATABASE_URL:
        fail("CELERY_BROKER_URL needs DATABASE_URL: workers and web processes share one Postgres")
    if not REDIS_URL:
        fail("CELERY_BROKER_URL needs REDIS_URL: pages hear of changes made in another process through it")
    if IS_DEMO:
        fail("CELERY_BROKER_URL needs GIGA_API_KEY: the simulated Giga lives in the one process of `serve`")
if postgres is not None and not postgres["NAME"]:
    fail("DATABASE_URL must look like postgres://user:password@host:5432/name")

try:
    allowed_hosts = [as_host(name) for name in allowed_hosts]
except ValueError:
    fail(f"ALLOWED_HOSTS must be names of hosts without ports, separated by commas, not {allowed_hosts!r}")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
LOOPBACK_NAMES = ["127.0.0.1", "localhost", "[::1]"]
if SITE_URL:
    SITE_ORIGINS = [origin_of(SITE_URL, "SITE_URL")]
    ALLOWED_HOSTS = [as_host(urlsplit(SITE_URL).hostname), *LOOPBACK_NAMES, *allowed_hosts]
else:
    SITE_ORIGINS = [f"http://{name}:{PORT}" for name in LOOPBACK_NAMES]
    ALLOWED_HOSTS = [*LOOPBACK_NAMES, *allowed_hosts]
CSRF_TRUSTED_ORIGINS = SITE_ORIGINS
CSRF_FAILURE_VIEW = "dashboard.csrf.failure"
is_https = urlsplit(SITE_URL).scheme == "https"
if SITE_URL and not is_https and urlsplit(SITE_URL).hostname not in LOOPBACK:
    fail("SITE_URL must be https: over plain http everybody on the way reads along and may launch")
is_reached = is_https or HOST not in LOOPBACK or TRUSTED_PROXIES or not {*allowed_hosts} <= {*LOOPBACK_NAMES}
if DEBUG and is_reached:
    fail("DEBUG shows code with each error: not with an https SITE_URL, a HOST, a proxy or a name for others")
if any("*" in host for host in ALLOWED_HOSTS):
    fail("ALLOWED_HOSTS must name each host: with * any name a browser was fooled with is good enough")

if OIDC_ISSUER:
    issuer = urlsplit(OIDC_ISSUER)
    if issuer.scheme != "https" and issuer.hostname not in LOOPBACK:
        fail("OIDC_ISSUER must be https: who signs in is told over this connection")
    if not (OIDC_CLIENT_ID and OIDC_CLIENT_SECRET):
        fail("OIDC_ISSUER needs OIDC_CLIENT_ID and OIDC_CLIENT_SECRET")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "channels",
    "csp",
    "django_htmx",
    "django_tasks",
    "people",
    "runs",
]
MIDDLEWARE = [
    "dashboard.request_ids.request_id",
    "dashboard.headers.headers",
    "csp.middleware.CSPMiddleware",
    "dashboard.proxy.hints",
    "django.middleware.security.SecurityMiddleware",
    "runs.views.machines.for_machines",
    "dashboard.static_files.Middleware",
    # Fifty rows are 70 KB. It pads each answer by a random length, and CSRF tokens are masked anew each time,
    # so that lengths tell nobody what a page holds.
    "django.middleware.gzip.GZipMiddleware",
    "dashboard.unstorable.storable_texts",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "people.login_required.LoginRequired",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "people.middleware.keep_login",
    "people.middleware.membership",
    "people.middleware.reading",
    "people.middleware.no_store",
    "people.permissions.PermissionMiddleware",
    "runs.over_limit.OverLimitMiddleware",
]
ROOT_URLCONF = "dashboard.urls"
ASGI_APPLICATION = "dashboard.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "runs.shell.shell",
            ],
        },
    }
]

SQLITE_FILE = DATA / "gigawatch.sqlite3"
SQLITE = {
    "ENGINE": "django.db.backends.sqlite3",
    # It is there, or `migrate` makes it: whoever only reads leaves no empty database behind.
    "NAME": f"{SQLITE_FILE.as_uri()}?mode=rw",
    "OPTIONS": {
        # A transaction that writes takes its lock at once: with Django's defaults two of three
        # read-then-write transactions of eight processes failed with "database is locked".
        "transaction_mode": "IMMEDIATE",
        "timeout": 10,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    },
    "TEST": {"NAME": DATA / "test.sqlite3"},
}
# Nothing of ours takes seconds, so whoever waits that long waits for somebody who is gone.
POSTGRES_OPTIONS = {
    "options": "-c statement_timeout=30s -c lock_timeout=10s -c idle_in_transaction_session_timeout=30s",
    "application_name": "gigawatch",
    "connect_timeout": 3,
    "keepalives_idle": 15,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    # Under ASGI every request has a thread of its own, so connections are kept in a pool of the process. A
    # connection is tried before it is handed out: one that a restarted server left dead is not. Pauses
    # between tries to connect grow, so one that goes on for long would be late to find a server that is back.
    "pool": {"min_size": 0, "max_size": 20, "timeout": 3, "max_idle": 120, "reconnect_timeout": 10},
}
if postgres is not None:
    postgres["ENGINE"] = "dashboard.postgres"
    postgres["OPTIONS"] = POSTGRES_OPTIONS | postgres.get("OPTIONS", {})
    postgres["CONN_HEALTH_CHECKS"] = True
DATABASES = {"default": SQLITE if postgres is None else postgres}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 1000}}
}
# Limits on tries are kept in it, so a flood of names must not push them out.
CACHES = {
    "default": {
        "BACKEND": "dashboard.own_memory.OwnMemory",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
# Somebody may be waiting for the page: a Redis that hangs is given up soon. What died without a word is
# noticed within half a minute.
REDIS_OPTIONS = {
    "socket_timeout": 3,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 25,
}
if REDIS_URL:
    CHANNEL_LAYERS["default"] = {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [{"address": REDIS_URL, **REDIS_OPTIONS}], "prefix": "gigawatch"},
    }
    CACHES["default"] = {
        "BACKEND": "dashboard.cache.RedisOrOwnMemory",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "gigawatch",
        "OPTIONS": REDIS_OPTIONS,
    }

# "default" rings wherever a worker is free, "here" in the process that rings.
TASKS = {name: {"BACKEND": "dashboard.threadpool.ThreadPoolBackend"} for name in ("default", "here")}
if CELERY_BROKER_URL:
    INSTALLED_APPS += ["django_tasks_fennel"]
    TASKS["default"]["BACKEND"] = "django_tasks_fennel.CeleryBackend"
# What the worker of `manage.py work` is made of; no use without CELERY_BROKER_URL.
CELERY_WORKER_POOL = "threads"
CELERY_WORKER_CONCURRENCY = 8
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_TASK_IGNORE_RESULT = True
# A task is a bell that is rung again every second: one that nobody heard in time must not pile up.
CELERY_TASK_ANNOTATIONS = {"*": {"expires": 30}}
CELERY_TASK_PUBLISH_RETRY = False
# It is for tasks that are handed back when their worker is gone. Ours are not; said, or Celery warns of it.
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_TIMEOUT = 3
# A Redis that is full, or takes nothing as it follows another, ends no worker: the rows are the jobs.
CELERY_BROKER_CHANNEL_ERROR_RETRY = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"max_retries": 0, **REDIS_OPTIONS}

AUTHENTICATION_BACKENDS = ["people.backends.NameOrAddress"]
# How long a link is good that was mailed for a new password, or printed to sign in once.
PASSWORD_RESET_TIMEOUT = 3600
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
] + [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    }
]
PASSWORD_HASHERS = [
    f"django.contrib.auth.hashers.{name}"
    for name in ("Argon2PasswordHasher", "PBKDF2PasswordHasher", "ScryptPasswordHasher")
]
ACCOUNT_ADAPTER = "people.adapters.InvitationOnlyAdapter"
USERSESSIONS_ADAPTER = "people.adapters.NotedUserSessions"
ACCOUNT_FORMS = {
    "add_email": "people.addresses.AddAddressForm",
    "reset_password": "people.forgotten.ForgottenPasswordForm",
}
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
# An address is taken only where it is confirmed: one that somebody else merely names keeps nobody out.
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_SESSION_REMEMBER = True
# Per key is per account and address (people/adapters.py): nobody locks out somebody else by their name, nor
# whoever shares an address with them. Per address alone is what the hash may cost. IPv6 counts by its /64, as
# one customer has it.
ACCOUNT_RATE_LIMITS = {
    "login": "200/m/ip",
    "login_failed": "10/m/key,100/m/ip",
    "reauthenticate": "10/m/user",
    "reset_password": "100/m/ip,5/m/key",
    "reset_password_from_key": "100/m/ip",
    # Of an account, wherever they come from: people/second_factor_tries.py.
    "second_factor": "5/5m/key",
    "second_factor_in_a_day": "20/d/key",
    "second_factor_mail": "1/h/key",
}
ALLAUTH_RATE_LIMIT_IPV6_PREFIX = 64
# Which pages ask again is for people/reauthentication.py to say, before any view; allauth asks as well.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_EMAIL_NOTIFICATIONS = bool(SMTP_URL)
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if is_https else "http"

MFA_ADAPTER = "dashboard.second_factors.SealedSecrets"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_FORMS = {
    "add_webauthn": "people.passkeys.AddPasskeyForm",
    "edit_webauthn": "people.passkeys.RenamePasskeyForm",
    "authenticate_webauthn": "people.passkeys.PasskeyAfterPasswordForm",
    "login_webauthn": "people.passkeys.PasskeyAloneForm",
    "reauthenticate_webauthn": "people.passkeys.ConfirmByPasskeyForm",
    "activate_totp": "people.codes.ActivateCodeForm",
    "authenticate": "people.codes.AuthenticateCodeForm",
    "reauthenticate": "people.codes.ReauthenticateCodeForm",
}
MFA_TOTP_ISSUER = "Gigawatch"
MFA_TOTP_TOLERANCE = 1
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
# A browser lets localhost use passkeys without TLS; anywhere else SITE_URL is https.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not is_https

SOCIALACCOUNT_ADAPTER = "people.oidc.InvitedByTheirDomain"
# The button is a link: our content policy lets no form end on another host.
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"provider_class": "people.oidc.OpenIDConnect", "APPS": []}}
if OIDC_ISSUER:
    SOCIALACCOUNT_PROVIDERS["openid_connect"]["APPS"] = [
        {
            "provider_id": "sso",
            "name": OIDC_NAME,
            "client_id": OIDC_CLIENT_ID,
            "secret": OIDC_CLIENT_SECRET,
            "settings": {"server_url": OIDC_ISSUER, "oauth_pkce_enabled": True},
        }
    ]

CAN_SEND_MAIL = bool(SMTP_URL)
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if SMTP_URL else 'dummy'}.EmailBackend"
EMAIL_TIMEOUT = 10
if SMTP_URL:
    try:
        smtp = urlsplit(SMTP_URL)
        EMAIL_HOST, EMAIL_PORT = smtp.hostname or "", smtp.port or (465 if smtp.scheme == "smtps" else 587)
    except ValueError:
        fail("SMTP_URL must look like smtp://user:password@host:587 (STARTTLS) or smtps://… (TLS)")
    if smtp.scheme not in ("smtp", "smtps", "smtp+plain") or not EMAIL_HOST or not MAIL_FROM:
        fail("SMTP_URL must look like smtp://user:password@host:587 or smtps://…, and needs MAIL_FROM")
    if "@" not in parseaddr(MAIL_FROM)[1]:
        fail("MAIL_FROM must look like gigawatch@example.com, or Gigawatch <gigawatch@example.com>")
    EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(smtp.username or ""), unquote(smtp.password or "")
    EMAIL_USE_TLS, EMAIL_USE_SSL = smtp.scheme == "smtp", smtp.scheme == "smtps"
DEFAULT_FROM_EMAIL = SERVER_EMAIL = MAIL_FROM or "gigawatch@localhost"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
SESSION_ENGINE = "people.sessions"
SESSION_COOKIE_AGE = SESSION_DAYS * 24 * 3600
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "run-list"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = is_https
SESSION_COOKIE_HTTPONLY = True
# A browser sends a cookie to every port of a host name: without the port in its name, two instances on one
# machine sign each other out.
cookie_port = urlsplit(SITE_ORIGINS[0]).port or (None if is_https else 80)
COOKIE_PREFIX = ("__Host-" if is_https else "") + (f"gigawatch-{cookie_port}" if cookie_port else "gigawatch")
SESSION_COOKIE_NAME = COOKIE_PREFIX
CSRF_COOKIE_NAME = f"{COOKIE_PREFIX}-csrf"
MESSAGES_COOKIE_NAME = f"{COOKIE_PREFIX}-messages"
MESSAGE_STORAGE = "dashboard.message_cookie.Storage"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if is_https else None
# Machines ask on the loopback interface too, behind the proxy that speaks TLS. The page that says what a
# proxy leaves out needs static files.
SECURE_SSL_REDIRECT, SECURE_REDIRECT_EXEMPT = is_https, [r"^(healthz|readyz)$", r"^static/"]
SECURE_SSL_HOST = urlsplit(SITE_ORIGINS[0]).netloc if is_https else None
# For this host name alone: what else is under it may not speak TLS, and browsers do not forget for a year. So
# Django's check need not ask for the subdomains and the browsers' own list.
SECURE_HSTS_SECONDS = 31536000 if is_https else 0
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
# Not "no-referrer": with it browsers send "Origin: null" with our own forms, and the CSRF check refuses them.
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "frame-src": ["'none'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "object-src": ["'none'"],
    }
}

DEFAULT_EXCEPTION_REPORTER_FILTER = "dashboard.error_pages.HidesSecrets"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
# The first one wins; the second holds what allauth's pages say, in our words.
LOCALE_PATHS = [BASE_DIR / "locale", BASE_DIR / "people" / "words_of_allauth"]
FORMAT_MODULE_PATH = "dashboard.formats"
USE_I18N = True
USE_TZ = True
STATIC_URL = "/static/"
WHITENOISE_ADD_HEADERS_FUNCTION = of_static_files
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "dashboard.static_files.Storage"},
}

logging.setLogRecordFactory(LogLine)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request": {"()": "dashboard.request_ids.WithRequestId"},
        "refusals": {"()": "dashboard.request_ids.ShortRefusals"},
        "outages": {"()": "dashboard.outages.InOneLine"},
    },
    "formatters": {"line": {"format": "{asctime} {levelname} {name}:{request_id} {message}", "style": "{"}},
    "handlers": {
        "stderr": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["request", "refusals", "outages"],
        }
    },
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # At DEBUG these print addresses and headers: the key is in a header, the desktop is an address.
        "urllib3": {"level": "INFO"},
        "websockets": {"level": "INFO"},
        "asyncio": {"level": "INFO"},
        # With DEBUG it would print each statement and what goes into it, hashes of passwords and all.
        "django.db.backends": {"level": "INFO"},
        # Each try to connect; what waits for the database says so itself.
        "psycopg.pool": {"level": "ERROR"},
        "celery": {"level": "WARNING" if LOG_LEVEL == "INFO" else LOG_LEVEL},
        "kombu": {"level": "INFO"},
        "django_tasks": {"level": "WARNING"},
    },
}
