"""A JSON answer taken apart level by level, so that a spoilt value spoils its row and not the answer."""

from __future__ import annotations

import json
import re

import msgspec

from workloads.kit.contracts.sources import paths

Members = dict[str, bytes] | list[bytes]
"""What an object or a list holds, each value as its own bytes."""

_level = msgspec.json.Decoder(dict[str, msgspec.Raw] | list[msgspec.Raw]).decode
_TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*+"|[\[\]{},]', re.DOTALL)
_KEY = re.compile(rb'\s*("(?:[^"\\]|\\.)*+")\s*:\s*', re.DOTALL)


class Document:
    """The body of an answer, in UTF-8 with or without a mark.

    Each method raises LookupError where there is no such place, ValueError where the body is no JSON there.
    """

    def __init__(self, body: bytes) -> None:
        self._body = body.removeprefix(b"\xef\xbb\xbf").strip()

    def members(self, path: str) -> Members:
        """What the object or list at `path` holds."""
        return _members(self._at(path))

    def is_null(self, path: str) -> bool:
        """Whether nothing is said at `path`, in as many words."""
        return self._at(path) == b"null"

    def value(self, path: str) -> object:
        """The value at `path`."""
        return value(self._at(path))

    def _at(self, path: str) -> bytes:
        content = self._body
        for name in paths.parts(path):
            content = paths.step(_members(content), name, path)
        return content


def value(content: bytes) -> object:
    """The value that JSON writes. Not-a-number and infinity are taken, as many servers send them.

    Raises:
        ValueError: it is no JSON, or nests or counts without end.
    """
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, ValueError, RecursionError):
        pass
    try:
        return json.loads(content, strict=False)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _members(content: bytes) -> Members:
    try:
        held = _level(content)
    except (msgspec.DecodeError, ValueError, RecursionError):
        # Some value in it is spoilt, or all of it is.
        return _taken_apart(content)
    if isinstance(held, dict):
        return {key: bytes(raw) for key, raw in held.items()}
    return [bytes(raw) for raw in held]


def _taken_apart(content: bytes) -> Members:
    """By its brackets, commas and quotes alone."""
    if content[:1] not in (b"[", b"{"):
        raise ValueError("it is no list and no object")
    pieces: list[bytes] = []
    depth, start, end = 0, 1, 0
    for token in _TOKEN.finditer(content):
        mark = token[0]
        if mark in (b"[", b"{"):
            depth += 1
        elif mark in (b"]", b"}"):
            depth -= 1
        if depth == 0 or (depth == 1 and mark == b","):
            pieces.append(content[start : token.start()].strip())
            start = token.end()
        if depth == 0:
            end = token.end()
            break
    if end != len(content):
        raise ValueError("it ends too early" if depth else "more follows its end")
    if pieces == [b""]:
        pieces = []
    if content[:1] == b"[":
        return pieces
    members: dict[str, bytes] = {}
    for piece in pieces:
        key = _KEY.match(piece)
        if key is None:
            raise ValueError(f"{piece[:40]!r} has no name")
        members[str(json.loads(key[1], strict=False))] = piece[key.end() :]
    return members
