"""An answer in XML: its elements, each with the bytes that it came from."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from workloads.kit.contracts.sources import paths

_TAG = re.compile(rb"""<(?:[^>"']|"[^"]*"|'[^']*')*>""")


class Ambiguous(ValueError):
    """An element holds several where one is asked for."""


@dataclass(slots=True)
class Element:
    """By its name without the prefix of its name space; so are its attributes."""

    name: str
    attributes: dict[str, str]
    around: Element | None
    start: int
    end: int = 0
    content: list[Element | str] = field(default_factory=list["Element | str"])

    @property
    def text(self) -> str:
        """All text in it."""
        return "".join(one if isinstance(one, str) else one.text for one in self.content).strip()

    def named(self, name: str) -> Iterator[Element]:
        """What it holds of that name."""
        return (one for one in self.content if isinstance(one, Element) and one.name == name)

    def value(self, path: str) -> str:
        """What stands at a path from it: `@name` is an attribute, `text()` its own text, `^` the element
        around it.

        Raises:
            LookupError: names the part that is missing.
            Ambiguous: it is there several times, or what it holds is no text but elements.
        """
        element = self
        for name in paths.parts(path):
            if name == "^" and element.around is not None:
                element = element.around
            elif name == "text()":
                return "".join(one for one in element.content if isinstance(one, str)).strip()
            elif name.startswith("@"):
                if name[1:] not in element.attributes:
                    raise LookupError(f"{name!r} of {path!r}")
                return element.attributes[name[1:]]
            else:
                found = list(element.named(name))
                if not found:
                    raise LookupError(f"{name!r} of {path!r}")
                if len(found) > 1:
                    raise Ambiguous(
                        f"there are {len(found)} of {name!r} of {path!r}: make one of them the row"
                    )
                element = found[0]
        if any(isinstance(one, Element) for one in element.content):
            raise Ambiguous(f"{path!r} holds elements and no text alone: name one of them, or `text()`")
        return element.text


class XmlDocument:
    """The body of an answer."""

    def __init__(self, body: bytes, encoding: str | None = None) -> None:
        """Read the body whole.

        Args:
            encoding: in which it is, whatever it says itself.

        Raises:
            ValueError: it is no XML, or has a document type, of which nothing is read.
        """
        if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            # So that the bytes of a tag are those of ASCII.
            body, encoding = body.decode("utf-16").encode(), "utf-8"
        body = body.lstrip()  # nothing may stand before what says that it is XML
        self._body = body
        self._root: Element | None = None
        self._open: list[Element] = []
        self._parser = parser = expat.ParserCreate(encoding)
        parser.buffer_text = True
        parser.StartDoctypeDeclHandler = self._doctype
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        try:
            parser.Parse(body, True)
        except expat.ExpatError as error:
            raise ValueError(str(error)) from None

    def value(self, path: str) -> str:
        """The text at a path from the outermost element; errors as those of `Element.value`."""
        return self._outermost.value(path)

    def rows(self, path: str) -> list[Element]:
        """All elements at a path from the outermost one, through each element that bears a name of it.

        Raises:
            LookupError: there is nothing that could hold them.
            ValueError: it is a page of HTML, as servers show people.
        """
        *_, last = paths.parts(path)
        return [one for element in self._holders(path) for one in element.named(last)]

    def beside(self, path: str) -> set[str]:
        """Names of what stands where the elements at a path should; errors as those of `rows`."""
        held = (one for element in self._holders(path) for one in element.content)
        return {one.name for one in held if isinstance(one, Element)}

    def _holders(self, path: str) -> list[Element]:
        if self._outermost.name.lower() == "html":
            raise ValueError("it is a page of HTML")
        *holders, _ = paths.parts(path)
        held = [self._outermost]
        for name in holders:
            held = [one for element in held for one in element.named(name)]
            if not held:
                raise LookupError(f"{name!r} of {path!r}")
        return held

    def raw(self, element: Element) -> bytes:
        """The bytes that an element came from."""
        return self._body[element.start : element.end]

    @property
    def _outermost(self) -> Element:
        assert self._root is not None, "a document that was read has one"
        return self._root

    def _doctype(self, *_: object) -> None:
        raise ValueError("it has a document type, which could have it grow without end: ask for it without")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        around = self._open[-1] if self._open else None
        # An attribute without a prefix is the element's own; one with it may be of any name.
        prefixed = {
            _local(key): value
            for key, value in attributes.items()
            if ":" in key and not key.startswith("xmlns:")
        }
        own = prefixed | {key: value for key, value in attributes.items() if ":" not in key}
        element = Element(_local(name), own, around, self._parser.CurrentByteIndex)
        if around is None:
            self._root = element
        else:
            around.content.append(element)
        self._open.append(element)

    def _end(self, _: str) -> None:
        element, at = self._open.pop(), self._parser.CurrentByteIndex
        first = _TAG.match(self._body, element.start)
        if first is not None and first.end() == at and first[0].endswith(b"/>"):
            # Of one tag, behind which the parser is already.
            element.end = at
        else:
            element.end = self._body.index(b">", at) + 1

    def _text(self, text: str) -> None:
        self._open[-1].content.append(text)


def _local(name: str) -> str:
    return name.rpartition(":")[2]
