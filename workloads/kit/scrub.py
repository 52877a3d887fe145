"""Takes secrets out of log lines, whoever writes them.

Two nets: what is known to be a secret (`hide`: the content of every secret file that settings name, every
`SecretStr`, every file below `contracts.env.SECRETS_DIR`), and what looks like one (a key in a query, a
password in an address, a bearer token). `kit.log` draws every finished line through both.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, quote_plus

from pydantic import BaseModel, SecretStr

from workloads.kit.contracts import env

HIDDEN: Final = "***"

_SHORTEST: Final = 6
"""Characters of a value that is looked for: a shorter one would take words apart and guards nothing."""

_WORDS: Final = (
    *("password", "passwd", "secret", "token", "credential", "cookie", "signature", "appid"),
    *(f"{of}{mark}key" for of in ("api", "access", "subscription") for mark in ("", "_", "-")),
)
_NAMES: Final = rf"(?<![\w-])(?=[\w-]*?(?:{'|'.join(_WORDS)}))[\w-]++(?<!_file)(?<!_dir)"
_QUOTES: Final = r"(?:\\*[\"'])*"
_VALUE: Final = r"[^\s&\"'\\,;)}\]<>]+"


def _hidden(found: re.Match[str]) -> str:
    before = found["before"]
    # A number or a name that stands bare in a line of JSON: the line stays one.
    bare = before.endswith(('": ', '":')) and not before.endswith(('\\": ', '\\":'))
    return f'{before}"{HIDDEN}"' if bare else f"{before}{HIDDEN}"


# Of each the signs, one of which stands in all that it finds: most lines have none, and are looked at no
# further.
_LOOKS: Final = (
    # user:password@ in an address
    (("://",), re.compile(r"(?P<before>://[^\s/:@\"'\\]*:)[^\s/@\"'\\]+(?=@)"), rf"\g<before>{HIDDEN}"),
    # Bearer …, wherever it stands
    (
        ("bearer", "basic"),
        re.compile(r"(?i)(?P<before>\b(?:bearer|basic)\s+)[\w.~+/=-]{8,}"),
        rf"\g<before>{HIDDEN}",
    ),
    # Authorization: …, in whatever way headers are printed
    (
        ("authorization",),
        re.compile(
            rf"(?i)(?P<before>\bauthorization{_QUOTES}\s*[:=,]\s*{_QUOTES})(?!\*\*\*|bearer\b|basic\b){_VALUE}"
        ),
        _hidden,
    ),
    # "password": "a b c", ('api-key', '…'): all of it, up to the quote that ends it
    (
        _WORDS,
        re.compile(
            rf"(?i)(?P<before>{_NAMES}(?:{_QUOTES}\s*[=:]|\\*[\"']\s*,)\s*b?(?P<quote>\\*[\"']))(?!\*\*\*)"
            # So many at most, or a line of quotes that nothing ends would take the square of its length.
            r"(?!(?P=quote))(?:\\.|[^\\]){1,1000}?(?P=quote)"
        ),
        rf"\g<before>{HIDDEN}\g<quote>",
    ),
    # api_key=…, token: …
    (
        _WORDS,
        re.compile(rf"(?i)(?P<before>{_NAMES}{_QUOTES}\s*[=:]\s*b?{_QUOTES})(?!\*\*\*){_VALUE}"),
        _hidden,
    ),
)

_lock = threading.Lock()
_known: set[str] = set()
_pattern: re.Pattern[str] | None = None


def hide(*secrets: str) -> None:
    """These values are secrets: no line shows them any more, plain or as a query writes them."""
    global _pattern
    with _lock:
        for secret in filter(None, (secret.strip() for secret in secrets)):
            if len(secret) >= _SHORTEST:
                raw = secret.encode(errors="surrogateescape")
                printed = {secret, repr(secret)[1:-1], quote(secret, safe=""), quote_plus(secret)}
                printed |= {ascii(secret)[1:-1], repr(raw)[2:-1], base64.b64encode(raw).decode().rstrip("=")}
                once = {json.dumps(text)[1:-1] for text in printed}
                _known.update(printed, once, (json.dumps(text)[1:-1] for text in once))
        # The longest first: one may be the start of another.
        ordered = sorted(_known, key=len, reverse=True)
        _pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None


def hide_files(paths: Iterable[Path]) -> None:
    """The content of each of these files is a secret; one that cannot be read is nobody's."""
    for path in paths:
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        hide(text, *text.splitlines())


def hide_settings(settings: Any) -> None:
    """What settings hold of secrets: every `SecretStr`, and every file named by a field `…_password_file`."""
    if not isinstance(settings, BaseModel):
        return
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            hide(value.get_secret_value())
        elif isinstance(value, Path) and name.endswith(("password_file", "secret_file")):
            hide_files([value])


def hide_mounted() -> None:
    """What infra mounts as secrets for this workload; certificates and keys are blocks of text, never in a
    line."""
    directory = Path(env.SECRETS_DIR)
    if directory.is_dir():
        files = (path for path in directory.rglob("*") if path.is_file())
        hide_files(path for path in files if path.suffix not in (".crt", ".key"))


def scrub(text: str) -> str:
    """The text without secrets."""
    if _pattern is not None:
        text = _pattern.sub(HIDDEN, text)
    # Beyond ASCII, where letters have more than two forms, all are looked for.
    lower = text.lower() if text.isascii() else None
    for signs, look, replacement in _LOOKS:
        if lower is None or any(sign in lower for sign in signs):
            text = look.sub(replacement, text)
    return text
