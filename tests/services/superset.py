"""A person at Superset, through its API: logged in, with what the API asks of changes."""

from __future__ import annotations

import html
import io
import re
import zipfile
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Self
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import httpx
import yaml

from workloads.superset.login import PROVIDER


class Person:
    """Who is logged in.

    Args:
        client: with what proves it.
    """

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.client.headers["Referer"] = str(client.base_url)
        csrf = self.get("security/csrf_token/")["result"]
        self.client.headers["X-CSRFToken"] = csrf

    @classmethod
    def by_password(cls, url: str, name: str, password: str) -> Self:
        """By a password of Superset's own."""
        client = httpx.Client(base_url=url, timeout=120)
        asked = {"username": name, "password": password, "provider": "db", "refresh": False}
        token = cls._sure(client.post("/api/v1/security/login", json=asked))["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        return cls(client)

    @classmethod
    def by_issuer(cls, url: str, name: str, password: str) -> Self:
        """By Keycloak's page, as a browser goes there and comes back."""
        # As a browser has it of this machine's own addresses, which are as good as encrypted.
        jar = CookieJar(DefaultCookiePolicy(secure_protocols=("http", "https")))
        browser = build_opener(HTTPCookieProcessor(jar))
        page = browser.open(f"{url}/login/{PROVIDER}", timeout=120).read().decode()
        found = re.search(r'action="([^"]+)"', page)
        assert found is not None, page[:500]
        form = urlencode({"username": name, "password": password}).encode()
        with browser.open(html.unescape(found[1]), form, timeout=120) as given:
            assert given.url.startswith(url), f"{given.url}: {given.read()[:500]}"
        cookies = {one.name: one.value or "" for one in jar if not one.secure}
        client = httpx.Client(base_url=url, timeout=120, cookies=cookies)
        return cls(client)

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
