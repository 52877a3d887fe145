"""No log line shows a secret, whichever library writes it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.kit import scrub

KNOWN = 'Zk8/ua+31"x\\q'
"""Of a file that settings name: with what JSON, repr and queries write otherwise."""
SHAPED = "LOOKS-LIKE-ONE-77"
"""Known to nobody; it is where secrets are."""

_SET_UP = f"""
import logging, sys, threading, warnings
from pathlib import Path
import structlog
from workloads.kit import log, settings
log.configure("price-pipeline")
settings.load(settings.PostgresSettings)
KNOWN = Path(sys.argv[1]).read_text()
SHAPED = {SHAPED!r}
URL = f"http://127.0.0.1:1/prices?api_key={{SHAPED}}&q={{__import__('urllib.parse').parse.quote_plus(KNOWN)}}"
"""

WAYS = {
    "structlog": """
structlog.get_logger("a").warning("failed", password=KNOWN, url=URL, nested={"api_key": SHAPED, "n": 1})
structlog.get_logger("a").info("plain", api_key=12345678, token=None)
""",
    "structlog traceback": """
try:
    raise RuntimeError(f"no answer from {URL}: {KNOWN}")
except RuntimeError:
    structlog.get_logger("a").exception("failed")
""",
    "logging": """
headers = {"Authorization": "Bearer " + SHAPED, "k": KNOWN}
logging.getLogger("a").error("asked %s with %r", URL, headers)
""",
    "logging in error": 'logging.getLogger("a").error("%d", KNOWN)',
    "stamina": """
import httpx, stamina
request = httpx.Request("GET", URL)
answer = httpx.Response(429, request=request)
try:
    for attempt in stamina.retry_context(on=httpx.HTTPStatusError, attempts=2, wait_initial=0.01):
        with attempt:
            answer.raise_for_status()
except httpx.HTTPStatusError:
    structlog.get_logger("a").exception("gave_up")
""",
    "httpx": """
import httpx
for name in ("httpx", "httpcore"):
    logging.getLogger(name).setLevel(logging.DEBUG)
logging.getLogger().setLevel(logging.DEBUG)
try:
    httpx.get(URL, headers={"Authorization": "Bearer " + SHAPED})
except httpx.ConnectError:
    pass
logging.getLogger("httpx").info('HTTP Request: GET %s "HTTP/1.1 200 OK"', URL)
""",
    "urllib3": """
import urllib3
logging.getLogger().setLevel(logging.DEBUG)
logging.getLogger("urllib3").setLevel(logging.DEBUG)
try:
    urllib3.PoolManager(retries=urllib3.Retry(total=1, backoff_factor=0)).request("GET", URL)
except urllib3.exceptions.MaxRetryError:
    logging.getLogger("urllib3").exception("gave up")
""",
    "mlflow": """
import mlflow
from mlflow import MlflowClient
import os
os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
try:
    MlflowClient(tracking_uri=f"http://user:{SHAPED}@127.0.0.1:1").search_registered_models()
except Exception:
    logging.getLogger("mlflow").exception("not read: %s", KNOWN)
""",
    "sqlalchemy": """
import sqlalchemy
logging.getLogger("sqlalchemy.engine").setLevel(logging.INFO)
engine = sqlalchemy.create_engine("sqlite://")
with engine.connect() as connection:
    connection.execute(sqlalchemy.text("select :password"), {"password": KNOWN})
logging.getLogger("sqlalchemy.pool").error("lost postgresql://carbon:%s@db/carbon", SHAPED)
""",
    "alembic": """
logging.getLogger("alembic.runtime.migration").info("on postgresql://carbon:%s@db, %s", SHAPED, KNOWN)
""",
    "psycopg": """
import psycopg
try:
    psycopg.connect(f"host=127.0.0.1 port=1 password={SHAPED} connect_timeout=1 nope=1")
except psycopg.Error:
    logging.getLogger("psycopg").exception("password=%s", SHAPED)
""",
    "librdkafka": """
from confluent_kafka import Producer
logging.getLogger("librdkafka").warning("sasl.password=%s is no %s", SHAPED, KNOWN)
logger = logging.getLogger("librdkafka")
logger.setLevel(logging.DEBUG)
options = {"client.id": KNOWN, "log_level": 7, "debug": "broker"}
producer = Producer({"bootstrap.servers": "127.0.0.1:1", "logger": logger, **options})
producer.poll(0.5)
""",
    "redis": """
import redis
try:
    redis.Redis.from_url(f"redis://:{SHAPED}@127.0.0.1:1").ping()
except redis.RedisError:
    logging.getLogger("redis").exception("redis://:%s@127.0.0.1:1", SHAPED)
""",
    "werkzeug and gunicorn": """
import flask
app = flask.Flask("a")
@app.get("/")
def fail(): raise RuntimeError(f"token={SHAPED} {KNOWN}")
app.test_client().get("/", headers={"Authorization": "Bearer " + SHAPED})
logging.getLogger("werkzeug").error("GET /?token=%s", SHAPED)
logging.getLogger("gunicorn.error").error("Error handling request /?api_key=%s %s", SHAPED, KNOWN)
""",
    "warnings": 'warnings.warn(f"insecure: {URL}")',
    "a handler of its own": """
logging.getLogger("own").addHandler(logging.StreamHandler())
logging.getLogger("own").error("%s and %s", URL, KNOWN)
""",
    "threads": """
thread = threading.Thread(target=lambda: int(f"password={SHAPED} {KNOWN}"))
thread.start()
thread.join()
""",
    "uncaught": 'int(f"password={SHAPED} {KNOWN}")',
}


@pytest.mark.parametrize("way", WAYS)
def test_no_line_shows_a_secret(way: str, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(KNOWN)
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": ":".join(sys.path),
        "HOME": str(tmp_path),
        "POSTGRES_HOST": "h",
        "POSTGRES_USER": "u",
        "POSTGRES_PASSWORD_FILE": str(file),
    }
    done = subprocess.run(
        [sys.executable, "-c", _SET_UP + WAYS[way], str(file)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        check=False,
    )
    assert done.returncode == (1 if way == "uncaught" else 0), done.stderr
    written = done.stdout + done.stderr
    if way != "logging in error":  # of that line the arguments are not shown at all
        assert scrub.HIDDEN in written, f"nothing was hidden, so nothing was tried: {written}"
    assert SHAPED not in written
    for printed in {KNOWN, repr(KNOWN)[1:-1], json.dumps(KNOWN)[1:-1], json.dumps(repr(KNOWN)[1:-1])[1:-1]}:
        assert printed not in written
    assert all(json.loads(line)["workload"] == "price-pipeline" for line in done.stdout.splitlines())


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://carbon:{}@db:5432/carbon",
        "GET https://api.example/prices?api_key={}&from=2020",
        "…?token={}",
        "Authorization: Bearer {}",
        "{{'authorization': 'Basic {}'}}",
        '{{"password": "{}", "n": 1}}',
        "password={}",
        "X-Api-Key: {}",
        '{{"password": "correct horse {}", "n": 1}}',
        '{{"password": "correct, \\" {}", "n": 1}}',
        "{{'password': 'correct horse {}'}}",
        "[('x-api-key', '{}'), ('accept', '*/*')]",
        "Cookie: session={}",
        "Ocp-Apim-Subscription-Key: {}",
        "GET /weather?q=Berlin&appid={}",
        "https://bucket/x?X-Amz-Signature={}&X-Amz-Date=1",
    ],
)
def test_what_looks_like_a_secret_is_hidden(text: str) -> None:
    shown = scrub.scrub(text.format(SHAPED))
    assert SHAPED not in shown
    assert scrub.HIDDEN in shown


@pytest.mark.parametrize("secret", ["geheim-für-alle", "plain-and-long-enough"])
def test_what_is_known_is_hidden_however_it_is_printed(secret: str) -> None:
    scrub.hide(secret)
    raw = secret.encode()
    ways = (repr(raw), ascii(secret), json.dumps(json.dumps(secret)), base64.b64encode(raw).decode())
    for printed in ways:
        shown = scrub.scrub(f"got {printed} there")
        assert printed.strip("b'\"=") not in shown
        assert scrub.HIDDEN in shown


@pytest.mark.parametrize(
    "text",
    [
        "https://api.example:443/prices?from=2020",
        "WTI 46.92 USD at 2020-01-02T16:00:00Z",
        "POSTGRES_PASSWORD_FILE: /var/run/x is no file",
        '{"symbol": "SYN-A", "records": 5}',
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert scrub.scrub(text) == text


def test_a_long_line_takes_time_in_proportion_to_its_length() -> None:
    # Each of these took the square of it with a pattern that may begin anywhere: minutes, beyond any limit.
    for part in ("a-", "://", "token", "a:", "bearer ", "token='", 'token=\\"', "token='\\"):
        scrub.scrub(part * 200_000)


@given(st.dictionaries(st.sampled_from(["api_key", "token", "event"]), st.none() | st.integers() | st.text()))
def test_a_line_of_json_stays_one(event: dict[str, object]) -> None:
    json.loads(scrub.scrub(json.dumps(event)))
