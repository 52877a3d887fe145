"""The model registry (MLflow), as training and serving see it.

A registered model a symbol; each version is `model.onnx` with its `card.json`; the aliases `champion`,
`challenger` and `previous` say what is served. Every failure to reach or read it is `RegistryError`.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import logging
import os
import tempfile
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from workloads.kit.contracts.declared.model_training import MODEL_TRAINING
from workloads.kit.contracts.models import CARD_FILE, MODEL_FILE, PAGE_FILE, Card, model_name, symbol_of

_EXPERIMENT: Final = MODEL_TRAINING.name
_ARTIFACTS: Final = "model"


class RegistryError(Exception):
    """The registry could not be reached, or holds something that cannot be read."""


class ArtifactError(RegistryError):
    """A stored model that is incomplete, unreadable or not the one that its card describes."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model as it is stored."""

    onnx: bytes
    card: Card


def sha256(data: bytes) -> str:
    """Hex digest that a card names its model by."""
    return hashlib.sha256(data).hexdigest()


def read_artifact(directory: Path) -> Artifact:
    """The model in `directory`; ArtifactError where that is not a whole one."""
    card = _read_card(directory / CARD_FILE)
    try:
        onnx = (directory / MODEL_FILE).read_bytes()
    except OSError as error:
        raise ArtifactError(f"no readable model: {error}") from error
    if sha256(onnx) != card.onnx_sha256:
        raise ArtifactError(f"{directory / MODEL_FILE} is not the model that its card describes")
    return Artifact(onnx, card)


def write_artifact(directory: Path, artifact: Artifact) -> None:
    """Write the two files that `read_artifact` reads."""
    (directory / MODEL_FILE).write_bytes(artifact.onnx)
    (directory / CARD_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(artifact.card), indent=1))


def preload() -> None:
    """Import MLflow's client, which takes a second or more; before a fork, so that the children share it."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    # After the environment: parts of it are read on import.
    importlib.import_module("mlflow.artifacts")
    logging.getLogger("mlflow").setLevel(logging.ERROR)


class Registry:
    """MLflow at `uri`. `timeout` is of one request, in seconds; a failed one is repeated `retries` times.

    MLflow's client reads both from the process environment, so the last Registry made sets them for all.
    """

    def __init__(self, uri: str, *, timeout: int = 10, retries: int = 2) -> None:
        os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(timeout)
        os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = str(retries)
        preload()
        from mlflow import MlflowClient

        self._uri = uri
        self._client: Any = MlflowClient(tracking_uri=uri, registry_uri=uri)

    def aliases(self) -> dict[str, dict[str, int]]:
        """Symbol -> alias -> version, of every registered model of the platform."""
        with _reported("read the registered models"):
            found: dict[str, dict[str, int]] = {}
            token: str | None = None
            while True:
                page = self._client.search_registered_models(
                    filter_string=f"name LIKE '{model_name('%')}'", max_results=200, page_token=token
                )
                for model in page:
                    found[symbol_of(str(model.name))] = _aliases(model)
                token = page.token
                if not token:
                    return found

    def named(self, symbol: str) -> dict[str, int]:
        """Alias -> version of one symbol's model; none before its first version."""
        with _reported(f"read {model_name(symbol)}"):
            found = self._client.search_registered_models(filter_string=f"name = '{model_name(symbol)}'")
            return _aliases(found[0]) if found else {}

    def newest(self, symbol: str) -> tuple[int, str] | None:
        """Newest registered version of a symbol's model and its fingerprint; None before the first."""
        with _reported(f"read the versions of {model_name(symbol)}"):
            versions = self._client.search_model_versions(
                f"name = '{model_name(symbol)}'", max_results=1, order_by=["version_number DESC"]
            )
            return (int(versions[0].version), str(versions[0].tags["fingerprint"])) if versions else None

    def fetch(self, symbol: str, version: int) -> Artifact:
        """Download one version."""
        with self._download(symbol, version) as path:
            return read_artifact(path)

    def card(self, symbol: str, version: int) -> Card:
        """Download the card of one version."""
        with self._download(symbol, version, CARD_FILE) as path:
            return _read_card(path)

    def register(
        self, artifact: Artifact, metrics: Mapping[str, float], params: Mapping[str, str], page: str = ""
    ) -> int:
        """Store a model as the next version of its symbol's; the aliases stay. Returns the version.

        Args:
            page: HTML for people, stored beside the model, where who serves it does not download it.
        """
        card = artifact.card
        name = model_name(card.symbol)
        with _reported(f"register a version of {name}"), tempfile.TemporaryDirectory() as scratch:
            write_artifact(Path(scratch), artifact)
            run = self._start_run(card, metrics, params)
            self._client.log_artifacts(run.info.run_id, scratch, _ARTIFACTS)
            if page:
                self._client.log_text(run.info.run_id, page, PAGE_FILE)
            self._create_model(name, card)
            version = self._client.create_model_version(
                name,
                source=f"{run.info.artifact_uri}/{_ARTIFACTS}",
                run_id=run.info.run_id,
                tags={
                    "skill": card.skill,
                    "provenance": card.provenance,
                    "code_version": card.code_version,
                    "fingerprint": card.fingerprint,
                },
                description="; ".join(card.reasons),
                await_creation_for=0,
            )
            self._client.set_terminated(run.info.run_id)
            return int(version.version)

    def point(self, symbol: str, alias: str, version: int | None) -> None:
        """Let `alias` name `version`, or nothing when it is None."""
        name = model_name(symbol)
        with _reported(f"set alias {alias} of {name}"):
            if version is None:
                self._client.delete_registered_model_alias(name, alias)
            else:
                self._client.set_registered_model_alias(name, alias, str(version))

    @contextlib.contextmanager
    def _download(self, symbol: str, version: int, file: str = "") -> Generator[Path]:
        from mlflow.artifacts import (
            download_artifacts,  # pyright: ignore[reportUnknownVariableType]
        )

        name = model_name(symbol)
        with _reported(f"download {name} version {version}"), tempfile.TemporaryDirectory() as scratch:
            source = str(self._client.get_model_version(name, str(version)).source)
            wanted = f"{source}/{file}" if file else source
            yield Path(download_artifacts(artifact_uri=wanted, dst_path=scratch, tracking_uri=self._uri))

    def _start_run(self, card: Card, metrics: Mapping[str, float], params: Mapping[str, str]) -> Any:
        from mlflow.entities import Metric, Param, RunTag

        now = int(time.time() * 1000)
        run = self._client.create_run(self._experiment(), run_name=card.symbol)
        self._client.log_batch(
            run.info.run_id,
            metrics=[Metric(key, value, now, 0) for key, value in metrics.items()],
            params=[Param(key, value) for key, value in params.items()],
            tags=[RunTag("symbol", card.symbol), RunTag("provenance", card.provenance)],
        )
        return run

    def _experiment(self) -> str:
        found = self._client.get_experiment_by_name(_EXPERIMENT)
        return str(found.experiment_id if found else self._client.create_experiment(_EXPERIMENT))

    def _create_model(self, name: str, card: Card) -> None:
        from mlflow.exceptions import MlflowException

        try:
            self._client.create_registered_model(name, tags={"provenance": card.provenance})
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


def _aliases(model: Any) -> dict[str, int]:
    aliases = cast("Mapping[str, Any]", model.aliases)
    return {name: int(version) for name, version in aliases.items()}


def _read_card(path: Path) -> Card:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Card)
    except (OSError, msgspec.MsgspecError) as error:
        raise ArtifactError(f"no readable model card: {error}") from error


@contextlib.contextmanager
def _reported(action: str) -> Generator[None]:
    """Any failure of MLflow's client, which has no one base class for them, as RegistryError."""
    try:
        yield
    except RegistryError:
        raise
    except Exception as error:
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        # A version that was deleted is away for good, unlike a registry that does not answer.
        gone = getattr(error, "error_code", None) == "RESOURCE_DOES_NOT_EXIST"
        kind = ArtifactError if gone else RegistryError
        raise kind(f"could not {action} in MLflow: {detail}") from error
