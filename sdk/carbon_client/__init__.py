"""A client of the carbon platform's data API: typed rows, pages and streams as iterators."""

from carbon_client import frames, models, scenarios
from carbon_client.async_client import AsyncClient
from carbon_client.client import Client
from carbon_client.core import VERSION as __version__
from carbon_client.errors import (
    BadAnswer,
    BadInput,
    CarbonError,
    JobFailed,
    NotAllowed,
    Refused,
    TooMany,
    Unavailable,
)
from carbon_client.events import DeliveryForecast, Event, StreamedPrediction
from carbon_client.pages import AsyncPages, Pages
from carbon_client.patience import Patience

__all__ = [
    "AsyncClient",
    "AsyncPages",
    "BadAnswer",
    "BadInput",
    "CarbonError",
    "Client",
    "DeliveryForecast",
    "Event",
    "JobFailed",
    "NotAllowed",
    "Pages",
    "Patience",
    "Refused",
    "StreamedPrediction",
    "TooMany",
    "Unavailable",
    "__version__",
    "frames",
    "models",
    "scenarios",
]
