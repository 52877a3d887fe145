"""Settings of keycloak-prepare."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from workloads.kit import scrub
from workloads.kit.contracts import env
from workloads.kit.contracts.declared.keycloak import ADMIN_PASSWORD, PEOPLE_KEY
from workloads.kit.contracts.people import RealmFacts
from workloads.kit.settings import NonEmpty, Settings


class RealmSettings(Settings):
    """Where Keycloak answers, its administrator's password as a file, and what the realm is to be."""

    keycloak_url: NonEmpty
    keycloak_secrets_dir: Path = Path(env.SECRETS_DIR)
    realm: RealmFacts
    """JSON."""
    keycloak_wait_seconds: float = Field(default=600.0, gt=0)
    """How long it may take until it answers: its first start makes its tables."""

    @property
    def admin_password(self) -> str:
        """Of the administrator `admin`."""
        return self._secret(ADMIN_PASSWORD)

    @property
    def people_key(self) -> str:
        """What first passwords follow from."""
        return self._secret(PEOPLE_KEY)

    def _secret(self, name: str) -> str:
        text = (self.keycloak_secrets_dir / name).read_text(encoding="utf-8").strip()
        scrub.hide(text)
        return text
