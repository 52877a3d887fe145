"""What can go wrong, each as one line: what, field, value, remedy, and the id of the request."""

from __future__ import annotations

import ssl
from typing import ClassVar

import httpx
import msgspec

from carbon_client.models import Fault, Problem

_SHOWN = 300
"""Characters of an answer that is no problem which are shown."""


class CarbonError(Exception):
    """Base of all that this package raises; its text is one line.

    Attributes:
        temporary: whether the same may go through later.
        retry_after: seconds after which to ask again, where the API says so.
        request_id: what the API calls the request; None where it has not answered.
    """

    temporary: ClassVar[bool] = False

    def __init__(self, text: str, *, request_id: str | None = None, retry_after: float | None = None) -> None:
        super().__init__(" ".join(text.split()) + (f" [request {request_id}]" if request_id else ""))
        self.request_id, self.retry_after = request_id, retry_after


class BadInput(CarbonError, ValueError):
    """What was given cannot be asked, and nothing was sent; or the file to write to cannot be written."""


class BadAnswer(CarbonError):
    """The answer is not what this release of the package knows, or its certificate is refused."""


class Unavailable(CarbonError):
    """No answer, or one that says to come back: the network, an overload, a database that is away."""

    temporary = True


class JobFailed(CarbonError):
    """A file that was asked for as a job is not to be had."""


class Refused(CarbonError):
    """The API answered that it does not.

    Attributes:
        status: of HTTP.
        errors: each fault of the request, by field.
        remedy: what to do instead.
    """

    def __init__(self, status: int, problem: Problem, *, retry_after: float | None = None) -> None:
        self.status, self.errors, self.remedy = status, list(problem.errors), problem.remedy
        super().__init__(_line(status, problem), request_id=problem.request_id, retry_after=retry_after)


class NotAllowed(Refused):
    """No key that is valid, or one that may not have this: 401 and 403."""


class TooMany(Refused):
    """A limit of requests or rows is reached: 429; `retry_after` says when it ends."""

    temporary = True


def _line(status: int, problem: Problem) -> str:
    if not problem.errors:
        return f"{status}: {problem.detail}: {problem.remedy}"
    first = _fault(problem.errors[0])
    more = len(problem.errors) - 1
    return f"{status}: {first}" + (f" (and {more} more: see .errors)" if more else "")


def _fault(one: Fault) -> str:
    given = "" if one.value is None else f" (given: {one.value!r})"
    return f"{one.field}: {one.detail}{given}: {one.remedy}"


def of_answer(answer: httpx.Response) -> CarbonError:
    """The error of an answer that is none of what was asked for; its body has been read."""
    status, wait = answer.status_code, _seconds(answer.headers.get("Retry-After"))
    request_id = answer.headers.get("X-Request-Id")
    try:
        problem = msgspec.json.decode(answer.content, type=Problem)
    except msgspec.MsgspecError:
        shown = answer.text[:_SHOWN] or answer.reason_phrase
        said = f"{status} from {answer.request.url.copy_with(query=None)}: {shown}"
        if status in (502, 503, 504):
            return Unavailable(said, request_id=request_id, retry_after=wait)
        return BadAnswer(f"{said}: is it the address of a data-api?", request_id=request_id)
    if status in (502, 503, 504):
        line = f"{status}: {problem.detail}: {problem.remedy}"
        return Unavailable(line, request_id=problem.request_id, retry_after=wait)
    if status == 429:
        return TooMany(status, problem, retry_after=wait)
    return (NotAllowed if status in (401, 403) else Refused)(status, problem)


def of_fault(error: httpx.HTTPError, url: str) -> CarbonError:
    """The error of a connection that failed: `Unavailable` where another try may do better."""
    what = str(error) or type(error).__name__
    if isinstance(error, httpx.DecodingError):
        return BadAnswer(f"the answer of {url} cannot be unpacked: {what}: is it the address of a data-api?")
    if isinstance(error, httpx.LocalProtocolError | httpx.UnsupportedProtocol):
        return BadInput(f"it cannot be sent to {url}: {what}")
    if _is_of_certificate(error):
        return BadAnswer(
            f"the certificate of {url} is refused: {what}: check the address;"
            " a company's own authority is given as SSL_CERT_FILE"
        )
    return Unavailable(f"no whole answer from {url}: {what}: check the address and the network")


def _is_of_certificate(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    return cause is not None


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isascii() and text.isdigit() else None
