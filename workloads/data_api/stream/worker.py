"""gunicorn's worker of threads, which lets a connection go that its application has taken over."""

from __future__ import annotations

import uuid
from typing import Any, Final

from gunicorn.http.errors import LimitRequestHeaders, LimitRequestLine
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

_TOO_LONG: Final[dict[type[BaseException], tuple[str, str, str, str]]] = {
    LimitRequestLine: (
        "414 URI Too Long",
        "path",
        "the address is too long",
        "ask for less, or in several requests",
    ),
    LimitRequestHeaders: (
        "431 Request Header Fields Too Large",
        "headers",
        "they are too long, or too many",
        "send a shorter token, and no cookies of other sites",
    ),
}
"""Exception → status, field, what is wrong, remedy."""


class Worker(ThreadWorker):
    """One whose connections may leave it: their socket is detached, and they count no more."""

    def finish_request(self, conn: Any, fs: Any) -> None:
        if conn.sock.fileno() < 0:
            self.nr_conns -= 1
            return
        super().finish_request(conn, fs)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """What is too long for the application to see it is refused as all else is."""
        if (told := _TOO_LONG.get(type(exc))) is None:
            super().handle_error(req, client, addr, exc)
            return
        from workloads.data_api.problems import CONTENT_TYPE, Fault, Problem  # not before the fork

        line, field, detail, remedy = told
        status, _, title = line.partition(" ")
        body = Problem(
            title=title,
            status=int(status),
            detail=detail,
            remedy=remedy,
            request_id=uuid.uuid4().hex,
            errors=[Fault(field=field, value=None, detail=detail, remedy=remedy)],
        ).model_dump_json()
        head = f"HTTP/1.1 {line}\r\nConnection: close\r\nContent-Type: {CONTENT_TYPE}\r\n"
        write_nonblock(client, f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
