"""Superset's configuration, which it reads by path: names and values are its own."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from workloads.kit.contracts import dashboards, tables
from workloads.superset import connections, login, logs, people, policy
from workloads.superset.settings import Settings

_settings = Settings.read()

SECRET_KEY = _settings.secret_key
SQLALCHEMY_DATABASE_URI = (
    f"postgresql+psycopg2://{_settings.own.role}@{_settings.host}:{_settings.port}/{tables.SUPERSET_DATABASE}"
)
SQLALCHEMY_ENGINE_OPTIONS: dict[str, Any] = {
    "creator": connections.own(_settings, tables.SUPERSET_DATABASE),
    "pool_pre_ping": True,
    "pool_size": 5,
    "max_overflow": 5,
}
DB_CONNECTION_MUTATOR = partial(connections.of_charts, _settings)
DATA_DIR = str(_settings.home)

LOGGING_CONFIGURATOR = logs.Configurator(_settings.log_level)
ALEMBIC_SKIP_LOG_CONFIG = True

FEATURE_FLAGS = {
    "DASHBOARD_RBAC": True,
    "EMBEDDED_SUPERSET": True,
    "ENABLE_TEMPLATE_PROCESSING": False,
    "ALERT_REPORTS": False,
    "THUMBNAILS": False,
}

# Guests see a dashboard within another page; what they may see of it stands in their token.
GUEST_ROLE_NAME = policy.GUESTS
GUEST_TOKEN_JWT_SECRET = _settings.guest_key
GUEST_TOKEN_JWT_ALGO = dashboards.GUEST_ALGORITHM
GUEST_TOKEN_JWT_EXP_SECONDS = dashboards.GUEST_SECONDS
GUEST_TOKEN_JWT_AUDIENCE = dashboards.GUEST_AUDIENCE
GUEST_TOKEN_VALIDATOR_HOOK = policy.limits_rows

TALISMAN_ENABLED = True
TALISMAN_CONFIG = policy.headers(_settings.embedders, secure=_settings.secure)
SESSION_COOKIE_HTTPONLY = True
# Roles are those of the log-in: after as long as the hub holds somebody, he logs in again.
PERMANENT_SESSION_LIFETIME = timedelta(hours=4)
SESSION_REFRESH_EACH_REQUEST = False
SESSION_COOKIE_SECURE = _settings.secure
SESSION_COOKIE_SAMESITE = "None" if _settings.secure and _settings.embedders else "Lax"
ENABLE_PROXY_FIX = _settings.secure
WTF_CSRF_ENABLED = True
PREVENT_UNSAFE_DB_CONNECTIONS = True
RATELIMIT_ENABLED = True
# All who come by a proxy come from one address, and a page is a hundred files: log-ins are what is slowed.
RATELIMIT_APPLICATION = "1000 per second"
RATELIMIT_STORAGE_URI = "memory://"
AUTH_RATE_LIMITED = True
AUTH_RATE_LIMIT = "20 per minute"

MAPBOX_API_KEY = ""

APP_NAME = "Dashboards"
DEFAULT_TIME_FILTER = "No filter"
# A query's answer is kept by each process for a minute: several who look at a dashboard ask once.
DATA_CACHE_CONFIG = {"CACHE_TYPE": "SimpleCache", "CACHE_DEFAULT_TIMEOUT": 60, "CACHE_THRESHOLD": 500}
CACHE_CONFIG = DATA_CACHE_CONFIG
ROW_LIMIT = 10_000
SQL_MAX_ROW = 100_000
SUPERSET_WEBSERVER_TIMEOUT = 120

CUSTOM_SECURITY_MANAGER = people.SecurityManager
globals().update(login.config(_settings.oidc))
