"""gunicorn's worker of threads, which lets a connection go that its application has taken over."""

from __future__ import annotations

from typing import Any

from gunicorn.workers.gthread import ThreadWorker


class Worker(ThreadWorker):
    """One whose connections may leave it: their socket is detached, and they count no more."""

    def finish_request(self, conn: Any, fs: Any) -> None:
        if conn.sock.fileno() < 0:
            self.nr_conns -= 1
            return
        super().finish_request(conn, fs)
