"""A route as one writes it in an afternoon: Flask, a pool of psycopg, rows to JSON; no tenants, no revisions,
no pages, nothing kept. It reads as the administrator, so that no row security is in its way.
"""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask, Response, request
from flask.json.provider import DefaultJSONProvider
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool


class _Json(DefaultJSONProvider):
    @staticmethod
    def default(o: Any) -> Any:
        return o.isoformat() if isinstance(o, datetime) else DefaultJSONProvider.default(o)


def application() -> Flask:
    app = Flask("peer", static_folder=None)
    app.json = _Json(app)
    password = Path(os.environ["PASSWORD"]).read_text().strip()
    pool = ConnectionPool(
        f"host={os.environ['POSTGRES_HOST']} port={os.environ['POSTGRES_PORT']} user=postgres"
        f" dbname={os.environ['POSTGRES_DATABASE']} password={password}",
        min_size=4,
        max_size=4,
        kwargs={"row_factory": dict_row, "autocommit": True},
        open=True,
    )

    def rows(statement: str, *values: object) -> Response:
        with pool.connection() as connection:
            items = connection.execute(statement.encode(), values).fetchall()
        return Response(app.json.dumps({"items": items}), mimetype="application/json")

    @app.get("/readyz")
    def ready() -> dict[str, bool]:
        return {"ready": True}

    @app.get("/instruments")
    def instruments() -> Response:
        return rows(
            "SELECT * FROM features.known_series ORDER BY symbol, source LIMIT %s",
            int(request.args["limit"]),
        )

    @app.get("/prices")
    def prices() -> Response:
        return rows(
            "SELECT * FROM features.commodity_prices_daily WHERE source = 'bench' AND symbol = %s"
            " AND delivery_start >= %s ORDER BY delivery_start, published_at LIMIT %s",
            request.args["symbol"],
            request.args["start"],
            int(request.args["limit"]),
        )

    return app
