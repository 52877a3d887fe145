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


class Unreadable(Exception):
    """A forecast of the server's is none, as a number that is null: due to its instance, or to the server."""


class _Problem(msgspec.Struct):
    error: str = ""
    field: str | None = None


class ModelClient:
    """Asks `url`/predict for predictions from features of `feature_set`. Connections are kept; one that broke
    is made anew at once, so that a server replica's end is not noticed while another answers."""

    def __init__(self, url: str, timeout_seconds: float, feature_set: str | None = None) -> None:
        self._feature_set = feature_set
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
            Transient: no answer in time, another status, 409 from a server of another feature set, or an
                answer that is not one.
            Unreadable: a forecast in the answer is none.
        """
        batch = PredictBatch(instances=list(instances), feature_set=self._feature_set)
        response = self._post(encode(batch))
        if response.status_code in _AT_FAULT and not _of_another_release(response):
            raise Refused(f"the model server answered {response.status_code}: {response.text.strip()[:500]}")
        if response.status_code != httpx.codes.OK:
            raise Transient(
                f"the model server answered {response.status_code}: {response.text.strip()[:200]}"
            )
        try:
            forecasts = self._decode(response.content).predictions
        except msgspec.DecodeError as error:
            of_one = "`$.predictions[" in str(error)
            raise (Unreadable if of_one else Transient)(
                f"the model server's answer cannot be read: {error}"
            ) from error
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


def _of_another_release(response: httpx.Response) -> bool:
    """Whether not the instances are refused, but a field that a server of an older release does not know."""
    try:
        problem = msgspec.json.decode(response.content, type=_Problem)
    except ValueError:
        return False
    return problem.field == "feature_set" or "unknown field `move`" in problem.error
