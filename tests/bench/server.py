"""Model server: time to answer and requests a second, one prediction a request, at several concurrencies."""

from __future__ import annotations

import json
import logging
import os
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import msgspec

from tests.bench import chain as chains
from tests.bench.chain import Chain, http_server
from tests.bench.http_load import Load, load, request
from tests.bench.measure import Failure, Measured, in_turn, sample
from tests.bench.report import Aim, Figure, Other, at_most, times_at_most
from tests.bench.rig import Rig
from tests.services.servers import free_ports
from tools.console import Step, step
from workloads.kit import db
from workloads.kit.codec import encode
from workloads.kit.contracts.serving import Forecasts, Instance, PredictBatch
from workloads.kit.features import DEFAULT
from workloads.kit.windows import Floats
from workloads.model_training import dataset, forest, prices
from workloads.model_training.settings import TrainingSettings

_SYMBOL = "SYN-POWER-DE"
_CONCURRENCY = (1, 8, 32)
_BODIES = 200
_WORKERS = 2
_SECONDS = 6.0
"""A run ends after its count of requests or this time: the slow ones take it."""


@dataclass(frozen=True)
class Served:
    """A server and what it is asked."""

    url: str
    bodies: Sequence[bytes]
    requests: Sequence[bytes]


def run(rig: Rig, step_: Step) -> list[Figure]:
    chain = chains.with_models(rig)
    count = rig.sized(3_000, 200)
    figures: list[Figure] = []
    with _servers(rig, chain) as servers:
        _check_model(servers["ours"].url, servers["ours"].bodies[0])
        for served in servers.values():
            load(served.url, served.requests, connections=8, count=count // 2, seconds=_SECONDS)
        for concurrency in _CONCURRENCY:
            results = in_turn(
                {
                    name: lambda served=served, concurrency=concurrency: load(
                        served.url, served.requests, connections=concurrency, count=count, seconds=_SECONDS
                    )
                    for name, served in servers.items()
                },
                rig.repetitions,
                step_,
            )
            figures += _figures(concurrency, results)
    return figures


def _check_model(url: str, body: bytes) -> None:
    """Refuse to measure the naive forecast in the model's place."""
    asked = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(asked, timeout=30) as answer:
        [forecast] = msgspec.json.decode(answer.read(), type=Forecasts).predictions
    if forecast.model_version == 0:
        raise RuntimeError(f"the server has no model of {forecast.symbol}: it answered the naive forecast")


def _figures(concurrency: int, results: Mapping[str, list[Load] | Failure]) -> list[Figure]:
    figures: list[Figure] = []
    notes = [_where(concurrency, results), _refusals(results)]
    for name, unit in (("p50", "ms"), ("p95", "ms"), ("p99", "ms"), ("rate", "requests/s")):
        found: dict[str, Measured] = {
            who: sample(loads, lambda one, name=name: getattr(one, name)) for who, loads in results.items()
        }
        empty = Other("empty Flask route", "limit", found["empty"])
        aims: list[Aim] = []
        if name == "p99" and concurrency == 8:
            aims = [at_most(found["ours"], 10), times_at_most(found["ours"], empty, 1.3)]
        figures.append(
            Figure(
                name=f"{'requests' if name == 'rate' else name} at concurrency {concurrency}",
                unit=unit,
                ours=found["ours"],
                others=[
                    Other("scikit-learn, Flask", "peer", found["forest"]),
                    Other("mlflow models serve", "peer", found["mlflow"]),
                    empty,
                ],
                aims=aims,
                note=" ".join(filter(None, notes)) if name == "p50" else "",
            )
        )
    return figures


def _where(concurrency: int, results: Mapping[str, list[Load] | Failure]) -> str:
    ours, empty = (sample(results[name], lambda one: one.p50) for name in ("ours", "empty"))
    if concurrency != 1 or isinstance(ours, Failure) or isinstance(empty, Failure):
        return ""
    own = ours.median - empty.median
    return (
        f"of {ours.median:.2f} ms {empty.median:.2f} are gunicorn, Flask and the loopback, {own:.2f} our own:"
        " reading, features checked, ONNX, answer, metrics."
    )


def _refusals(results: Mapping[str, list[Load] | Failure]) -> str:
    shares = {
        name: max(one.refused for one in loads)
        for name, loads in results.items()
        if not isinstance(loads, Failure)
    }
    told = ", ".join(f"{name} up to {share:.1%}" for name, share in shares.items() if share)
    return f"answered 503 for overload: {told}." if told else ""


@contextmanager
def _servers(rig: Rig, chain: Chain) -> Iterator[dict[str, Served]]:
    model, rows = _forest(rig)
    ours, plain, tabular = _bodies(rows)
    directory = rig.new_directory("servers")
    joblib.dump(model, directory / "forest.joblib")
    _save_for_mlflow(model, directory / "mlflow")
    with step("Four servers"), ExitStack() as stack:

        def gunicorn(name: str, application: str | None) -> str:
            port = free_ports(1)[0]
            own = directory / name
            own.mkdir()
            (own / "metrics").mkdir()
            given = {
                **chain.environment("model_server"),
                "PORT": str(port),
                "WORKERS": str(_WORKERS),
                "MODELS_DIR": str(own / "models"),
                "METRICS_DIR": str(own / "metrics"),
                "FOREST": str(directory / "forest.joblib"),
            }
            command = [sys.executable, "-m", "workloads.model_server"]
            if application is not None:
                given["PROMETHEUS_MULTIPROC_DIR"] = str(own / "metrics")
                configured = ["--config", "python:workloads.model_server.gunicorn_conf"]
                command = [sys.executable, "-m", "gunicorn", *configured, application]
            ready = "/readyz" if application is None else None
            return stack.enter_context(http_server(command, directory / f"{name}.log", given, port, ready))

        addresses = {
            "ours": gunicorn("ours", None),
            "empty": gunicorn("empty", "tests.bench.peers.flask_empty:application()"),
            "forest": gunicorn("forest", "tests.bench.peers.flask_forest:application()"),
            "mlflow": stack.enter_context(_mlflow(directory)),
        }
        yield {
            "ours": _served(f"{addresses['ours']}/predict", ours),
            "forest": _served(f"{addresses['forest']}/predict", plain),
            "mlflow": _served(f"{addresses['mlflow']}/invocations", tabular),
            "empty": _served(f"{addresses['empty']}/predict", ours),
        }


def _mlflow(directory: Path):
    port = free_ports(1)[0]
    command = [
        *(sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(directory / "mlflow")),
        *("--env-manager", "local", "--host", "127.0.0.1", "--port", str(port), "--workers", str(_WORKERS)),
    ]
    # It starts its server by name.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    given = {"MLFLOW_DISABLE_TELEMETRY": "true", "PATH": path}
    return http_server(command, directory / "mlflow-serve.log", given, port, "/health")


def _served(url: str, bodies: Sequence[bytes]) -> Served:
    return Served(url, bodies, [request(url, body) for body in bodies])


def _forest(rig: Rig) -> tuple[Any, Floats]:
    """A forest as model-training makes it, and rows to ask it for."""
    settings = TrainingSettings(
        mlflow_tracking_uri="unused", **rig.database.settings("model_training").model_dump()
    )
    with db.connect(settings, application_name="bench") as connection:
        (series,) = prices.read(connection, [_SYMBOL]).values()
    data = dataset.build(series, DEFAULT)
    return forest.fit(settings, data.x, data.y), data.x[-_BODIES:]


def _bodies(rows: Floats) -> tuple[list[bytes], list[bytes], list[bytes]]:
    """One row a request, as the platform, the plain server and MLflow want it."""
    instances = [Instance(symbol=_SYMBOL, price=60.0, features=row) for row in rows.tolist()]
    batches = [encode(PredictBatch(instances=[one])) for one in instances]
    return batches, batches, [json.dumps({"inputs": [row]}).encode() for row in rows.tolist()]


def _save_for_mlflow(model: Any, path: Path) -> None:
    from mlflow.sklearn import save_model

    # It warns of pickles, which the peer is made of.
    logging.getLogger("mlflow.sklearn").setLevel(logging.ERROR)
    save_model(model, path, serialization_format="cloudpickle")
