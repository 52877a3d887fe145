"""The model server over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

import httpx
import msgspec

from workloads.kit.codec import encode
from workloads.kit.contracts.serving import Forecast, Forecasts, Instance, PredictBatch
from workloads.kit.records import Transient

_AT_FAULT = frozenset({400, 413, 422})
"""Answers that blame the request's content. Any other error may pass, or is for an operator to mend: either
way the same request is right to send again."""


class Refused(Exception):
    """The server cannot take the request's content; the text is the server's own."""


class ModelClient:
    """Asks `url`/predict. Connections are kept; one that broke is made anew at once, so that a server
    replica's end is not noticed while another answers."""

    def __init__(self, url: str, timeout_seconds: float) -> None:
        self._url = f"{url.rstrip('/')}/predict"
        self._http = httpx.Client(
            timeout=timeout_seconds,
            headers={"Content-Type": "application/json"},
            limits=httpx.Limits(max_keepalive_connections=1, keepalive_expiry=60),
            trust_env=False,
        )
        self._decode = msgspec.json.Decoder(Forecasts).decode

    def predict(self, instances: Sequence[Instance]) -> list[Forecast]:
        """Forecasts in the order of the instances, at least one and at most `MAX_INSTANCES`.

        Raises:
            Refused: 400, 413 or 422.
            Transient: no answer in time, another status, or an answer that is not one.
        """
        response = self._post(encode(PredictBatch(instances=list(instances))))
        if response.status_code in _AT_FAULT:
            raise Refused(f"the model server answered {response.status_code}: {response.text.strip()[:500]}")
        if response.status_code != httpx.codes.OK:
            raise Transient(
                f"the model server answered {response.status_code}: {response.text.strip()[:200]}"
            )
        try:
            forecasts = self._decode(response.content).predictions
        except msgspec.DecodeError as error:
            raise Transient(f"the model server's answer cannot be read: {error}") from error
        if len(forecasts) != len(instances):
            raise Transient(
                f"the model server gave {len(forecasts)} forecasts for {len(instances)} instances"
            )
        return forecasts

    def _post(self, content: bytes) -> httpx.Response:
        try:
            try:
                return self._http.post(self._url, content=content)
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                return self._http.post(self._url, content=content)
        except httpx.TransportError as error:
            raise Transient(f"model server at {self._url}: {type(error).__name__}: {error}") from error

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> ModelClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
