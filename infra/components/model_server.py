"""The model server: a web server whose type was given before there was a second one."""

from __future__ import annotations

from typing import ClassVar

from infra.components.web_server import WebServer


class ModelServer(WebServer):
    """As `WebServer`; another type would replace all that is below it."""

    TYPE: ClassVar[str] = "carbon:workload:ModelServer"
