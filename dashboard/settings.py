"""Every setting, read from the environment once. The only reader of os.environ; a wrong value stops the
start."""

import warnings
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from django.core.exceptions import ImproperlyConfigured
from environs import Env, EnvError, validate

from dashboard.secret_files import (
    is_encryption_key,
    make_data_folder,
    new_encryption_key,
    new_secret_key,
    read_or_make,
)

BASE_DIR = Path(__file__).resolve().parent.parent
env = Env()


def fail(message: str):
    raise ImproperlyConfigured(message)


def origin_of(url: str, name: str) -> str:
    """`scheme://host[:port]` of an address that must be nothing but that."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        fail(f"{name} must look like https://host.example, not {url!r}")
    return f"{parts.scheme}://{parts.netloc}"


try:
    HOST = env.str("HOST", "127.0.0.1")
    PORT = env.int("PORT", 8000, validate=validate.Range(1, 65535))
    DEBUG = env.bool("DEBUG", False)
    LOG_LEVEL = env.str("LOG_LEVEL", "INFO", validate=validate.OneOf(["DEBUG", "INFO", "WARNING", "ERROR"]))
    TIME_ZONE = env.str("TIME_ZONE", "UTC")
    DATA = Path(env.str("GIGAWATCH_DATA", str(BASE_DIR / "var"))).absolute()
    STATIC_ROOT = Path(env.str("STATIC_ROOT", "") or DATA / "static")
    SITE_URL = env.str("SITE_URL", "")
    GIGA_API_KEY = env.str("GIGA_API_KEY", "")
    GIGA_API_URL = env.str("GIGA_API_URL", "https://api.withgiga.ai").rstrip("/")
    CRASH_AT = env.str("CRASH_AT", "")
    SIMULATOR_SPEED = env.float("SIMULATOR_SPEED", 1.0, validate=validate.Range(0.1, 1000))
    SUPERUSER_USERNAME = env.str("DJANGO_SUPERUSER_USERNAME", "")
    SUPERUSER_PASSWORD = env.str("DJANGO_SUPERUSER_PASSWORD", "")
    SUPERUSER_EMAIL = env.str("DJANGO_SUPERUSER_EMAIL", "")
    SECRET_KEY = env.str("SECRET_KEY", "")
    ENCRYPTION_KEYS_TEXT = env.str("ENCRYPTION_KEYS", "")
    allowed_hosts = env.list("ALLOWED_HOSTS", [])
except EnvError as error:
    fail(str(error))

try:
    make_data_folder(DATA)
    SECRET_KEY = SECRET_KEY or read_or_make(DATA / "secret_key", new_secret_key)
    ENCRYPTION_KEYS_TEXT = ENCRYPTION_KEYS_TEXT or read_or_make(DATA / "encryption_keys", new_encryption_key)
except OSError as error:
    fail(f"the data folder {DATA} cannot be used: {error.strerror or error} (set GIGAWATCH_DATA)")
if len(SECRET_KEY) < 50:
    fail("SECRET_KEY must be at least 50 characters long")
# Newest first: the first seals, all of them open.
ENCRYPTION_KEYS = ENCRYPTION_KEYS_TEXT.replace(",", "\n").split()
if not ENCRYPTION_KEYS or not all(is_encryption_key(key) for key in ENCRYPTION_KEYS):
    fail("ENCRYPTION_KEYS must be <id>:<base64 of 32 bytes>, separated by commas, newest first")
if TIME_ZONE not in available_timezones():
    fail(f"TIME_ZONE must be a name like Europe/Berlin, not {TIME_ZONE!r}")

IS_DEMO = not GIGA_API_KEY
if not IS_DEMO:
    GIGA_API_URL = origin_of(GIGA_API_URL, "GIGA_API_URL")

LOOPBACK_NAMES = ["127.0.0.1", "localhost", "[::1]"]
if SITE_URL:
    SITE_ORIGINS = [origin_of(SITE_URL, "SITE_URL")]
    ALLOWED_HOSTS = [urlsplit(SITE_URL).hostname, *LOOPBACK_NAMES, *allowed_hosts]
else:
    SITE_ORIGINS = [f"http://{name}:{PORT}" for name in LOOPBACK_NAMES]
    ALLOWED_HOSTS = [*LOOPBACK_NAMES, *allowed_hosts]
CSRF_TRUSTED_ORIGINS = SITE_ORIGINS
is_https = SITE_URL.startswith("https://")

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
    "channels",
    "csp",
    "django_htmx",
    "django_tasks",
    "people",
    "runs",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "people.middleware.membership",
    "people.middleware.no_store",
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

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATA / "gigawatch.sqlite3",
        "OPTIONS": {
            # A transaction that writes takes its lock at once: with Django's defaults two of three
            # read-then-write transactions of eight processes failed with "database is locked".
            "transaction_mode": "IMMEDIATE",
            "timeout": 10,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
        },
        "TEST": {"NAME": DATA / "test.sqlite3"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CHANNEL_LAYERS = {
    "default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 1000}}
}
TASKS = {"default": {"BACKEND": "dashboard.threadpool.ThreadPoolBackend"}}

AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend",
    "allauth.account.auth_backends.AuthenticationBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "CommonPasswordValidator", "NumericPasswordValidator")
] + [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    }
]
ACCOUNT_ADAPTER = "people.adapters.InvitationOnlyAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_SESSION_REMEMBER = True
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "run-list"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = is_https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_NAME = "__Host-gigawatch" if is_https else "gigawatch"
CSRF_COOKIE_NAME = "__Host-gigawatch-csrf" if is_https else "gigawatch-csrf"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if is_https else None
SECURE_HSTS_SECONDS = 31536000 if is_https else 0
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

# WhiteNoise reads its files synchronously; they are small, and Django warns about each of them.
warnings.filterwarnings("ignore", "StreamingHttpResponse must consume synchronous iterators")

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # At DEBUG these print addresses and headers: the key is in a header, the desktop is an address.
        "urllib3": {"level": "INFO"},
        "websockets": {"level": "INFO"},
        "asyncio": {"level": "INFO"},
        "django_tasks": {"level": "WARNING"},
    },
}
