"""gunicorn's worker of threads, which lets a connection go that its application has taken over."""

from __future__ import annotations

import uuid
from typing import Any, Final

from gunicorn.http.errors import LimitRequestLine
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

_TOO_LONG: Final = 414


class Worker(ThreadWorker):
    """One whose connections may leave it: their socket is detached, and they count no more."""

    def finish_request(self, conn: Any, fs: Any) -> None:
        if conn.sock.fileno() < 0:
            self.nr_conns -= 1
            return
        super().finish_request(conn, fs)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """An address that is too long for the application to see it is refused as all else is."""
        if not isinstance(exc, LimitRequestLine):
            super().handle_error(req, client, addr, exc)
            return
        from workloads.data_api.problems import CONTENT_TYPE, Fault, Problem  # not before the fork

        detail, remedy = "the address is too long", "ask for less, or in several requests"
        fault = Fault(field="path", value=None, detail=detail, remedy=remedy)
        body = Problem(
            title="URI Too Long",
            status=_TOO_LONG,
            detail=detail,
            remedy=remedy,
            request_id=uuid.uuid4().hex,
            errors=[fault],
        ).model_dump_json()
        head = f"HTTP/1.1 {_TOO_LONG} URI Too Long\r\nConnection: close\r\nContent-Type: {CONTENT_TYPE}\r\n"
        write_nonblock(client, f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
