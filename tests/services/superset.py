"""A person at Superset, through its API: logged in, with what the API asks of changes."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import httpx
import yaml


class Person:
    """Who is logged in, by name and password."""

    def __init__(self, url: str, name: str, password: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=120)
        asked = {"username": name, "password": password, "provider": "db", "refresh": False}
        token = self._sure(self.client.post("/api/v1/security/login", json=asked))["access_token"]
        self.client.headers["Authorization"] = f"Bearer {token}"
        self.client.headers["Referer"] = url
        csrf = self.get("security/csrf_token/")["result"]
        self.client.headers["X-CSRFToken"] = csrf

    @staticmethod
    def _sure(answer: httpx.Response) -> dict[str, Any]:
        assert answer.is_success, f"{answer.request.url}: {answer.status_code} {answer.text[:500]}"
        return answer.json()

    def get(self, path: str, **parameters: Any) -> dict[str, Any]:
        return self._sure(self.client.get(f"/api/v1/{path}", params=parameters))

    def post(self, path: str, body: Any) -> dict[str, Any]:
        return self._sure(self.client.post(f"/api/v1/{path}", json=body))

    def listed(self, what: str) -> list[dict[str, Any]]:
        """All dashboards, charts or datasets that it sees."""
        return self.get(f"{what}/", q="(page_size:500)")["result"]

    def numbers(self, what: str) -> dict[str, int]:
        """Name → number of all dashboards (by slug), charts or datasets that it sees."""
        name = {"dashboard": "slug", "chart": "slice_name", "dataset": "table_name"}[what]
        return {one[name]: one["id"] for one in self.listed(what)}

    def data(self, chart: int) -> list[dict[str, Any]]:
        """The rows of a chart, as its saved query asks for them."""
        [result] = self.get(f"chart/{chart}/data/", force="true")["result"]
        assert result["error"] is None
        return result["data"]

    def may_read(self, chart: int) -> bool:
        return self.client.get(f"/api/v1/chart/{chart}/data/").is_success

    def exported(self) -> dict[str, Any]:
        """File name, without its folder → document, of all dashboards and what they need."""
        numbers = ",".join(str(one["id"]) for one in self.listed("dashboard"))
        answer = self.client.get("/api/v1/dashboard/export/", params={"q": f"!({numbers})"})
        assert answer.is_success, answer.text[:500]
        with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
            return {name.partition("/")[2]: yaml.safe_load(archive.read(name)) for name in archive.namelist()}

    def add(self, name: str, password: str, *roles: str) -> None:
        """Make another person, with these roles."""
        known = {one["name"]: one["id"] for one in self.get("security/roles/", q="(page_size:100)")["result"]}
        self.post(
            "security/users/",
            {
                "username": name,
                "password": password,
                "active": True,
                "email": f"{name}@localhost",
                "first_name": name,
                "last_name": name,
                "roles": [known[role] for role in roles],
            },
        )
