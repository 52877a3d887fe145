"""Signing in at the issuer: the code flow with a proof key (RFC 7636), as a public client."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import msgspec
import structlog

from workloads.data_api.identity import Principal
from workloads.data_api.issuer import Issuer, away
from workloads.data_api.refusals import second_factor, unauthorized
from workloads.data_api.settings import OidcSettings
from workloads.data_api.tokens import Tokens
from workloads.kit.contracts.entitlements import Entitlement
from workloads.kit.contracts.people import SIGNED_IN

COOKIE: Final = "hub-sign-in"
"""What a browser keeps between its leaving for the issuer and its coming back."""
SECONDS: Final = 900
"""How long that may take: a second factor is set up in it."""

_log: Any = structlog.get_logger(__name__)


class Journey(msgspec.Struct, frozen=True):
    """Attributes:
    state, nonce, verifier: random; the answer, the token and the code are each bound to one.
    following: page that the person wanted.
    """

    state: str
    nonce: str
    verifier: str
    following: str

    @property
    def cookie(self) -> str:
        """As the browser keeps it."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode()


def journey(cookie: str) -> Journey | None:
    """What a browser kept; None where that is none."""
    try:
        return msgspec.json.decode(base64.urlsafe_b64decode(cookie), type=Journey)
    except (ValueError, msgspec.MsgspecError):
        return None


class SignIn:
    """The way to the issuer and back.

    Args:
        settings: with `client_id` and `hub`.
    """

    def __init__(self, settings: OidcSettings, issuer: Issuer, tokens: Tokens) -> None:
        assert settings.client_id is not None
        assert settings.hub is not None
        self._client, self._hub = settings.client_id, settings.hub.rstrip("/")
        self._issuer, self._tokens = issuer, tokens

    def begin(self, following: str, *, again: bool) -> tuple[str, Journey]:
        """Where the browser goes, and what it has to keep. Refused, 503, where the issuer does not answer.

        Args:
            again: whether a session at the issuer does not do, for a second factor is wanted.
        """
        if not self._issuer.answers():
            raise away()
        made = Journey(*(secrets.token_urlsafe(32) for _ in range(3)), following=following)
        proof = hashlib.sha256(made.verifier.encode()).digest()
        question = {
            "response_type": "code",
            "client_id": self._client,
            "redirect_uri": self._back,
            "scope": "openid",
            "state": made.state,
            "nonce": made.nonce,
            "code_challenge": base64.urlsafe_b64encode(proof).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
            **({"prompt": "login"} if again else {}),
        }
        return f"{self._issuer.endpoint('authorization_endpoint')}?{urlencode(question)}", made

    def end(
        self, kept: Journey | None, answer: Mapping[str, str], entitlements: Mapping[str, Entitlement]
    ) -> Principal:
        """Who came back. Refused where nobody is let in, 503 where the issuer does not answer."""
        state = answer.get("state", "")
        if kept is None or not hmac.compare_digest(kept.state.encode(), state.encode()):
            raise unauthorized("the sign-in was not begun in this browser, or took too long")
        if "code" not in answer:
            _log.info("sign_in.refused", error=answer.get("error", "")[:100])
            raise unauthorized("the identity provider let nobody in")
        form = {
            "grant_type": "authorization_code",
            "client_id": self._client,
            "redirect_uri": self._back,
            "code": answer["code"],
            "code_verifier": kept.verifier,
        }
        try:
            given = self._issuer.exchanged(form)
            signed_in = self._tokens.claims(str(given["id_token"]), self._client)
            token = str(given["access_token"])
        except (ValueError, LookupError) as error:
            _log.info("sign_in.refused", error=f"{type(error).__name__}: {error}"[:300])
            raise unauthorized("the identity provider did not confirm the sign-in") from error
        if not hmac.compare_digest(str(signed_in.get("nonce", "")).encode(), kept.nonce.encode()):
            raise unauthorized("the identity provider's answer is to another sign-in")
        principal = self._tokens.principal(token, entitlements)
        if principal.step_up:
            raise second_factor()
        return principal

    def leave(self) -> str:
        """Where a browser ends its session at the issuer. Refused, 503, where that is not known."""
        if not self._issuer.answers():
            raise away()
        back = {"client_id": self._client, "post_logout_redirect_uri": f"{self._hub}/hub/login"}
        return f"{self._issuer.endpoint('end_session_endpoint')}?{urlencode(back)}"

    @property
    def _back(self) -> str:
        return self._hub + SIGNED_IN
