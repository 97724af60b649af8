"""XML bodies: read with limits, written with S3's namespace."""

from collections.abc import Iterable, Mapping
from xml.etree.ElementTree import Element, SubElement, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import ParseError, fromstring

from pileus_objectstore.api.http import Response
from pileus_objectstore.api.s3.errors import S3Error, printable

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


class Node:
    """An element to write: its name, its attributes and what is in it. Children that are None are left out."""

    def __init__(
        self, name: str, *children: "Node | tuple[str, object] | None", attributes: Mapping[str, str] | None = None
    ) -> None:
        self.name, self.children, self.attributes = name, list(children), dict(attributes or {})

    def add(self, *children: "Node | tuple[str, object] | None") -> "Node":
        """Append children, and return this node."""
        self.children += children
        return self

    def extend(self, children: "Iterable[Node | tuple[str, object]]") -> "Node":
        """Append many children, and return this node."""
        self.children += children
        return self

    def write(self, into: Element | None = None) -> Element:
        """Build the element tree."""
        shape = self.name, self.attributes
        element = Element(*shape) if into is None else SubElement(into, *shape)
        for child in self.children:
            if isinstance(child, Node):
                child.write(element)
            elif child is not None:
                name, value = child
                shown = ("true" if value else "false") if isinstance(value, bool) else str(value)
                SubElement(element, name).text = printable(shown)
        return element


def response(
    node: Node, status: int = 200, headers: Iterable[tuple[str, str]] = (), namespace: str = NAMESPACE
) -> Response:
    """Answer with an XML document."""
    element = node.write()
    if namespace:
        element.set("xmlns", namespace)
    data = b'<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(element)
    return Response(status, headers, data, "application/xml")


def parse(data: bytes, root: str) -> Element:
    """Read a document whose root has this name; names come without their namespace. Raises S3Error."""
    try:
        element: Element = fromstring(data, forbid_dtd=True)
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise S3Error("MalformedXML") from None
    for one in element.iter():
        one.tag = one.tag.rpartition("}")[2]
    if element.tag != root:
        raise S3Error("MalformedXML")
    return element


def text(element: Element, name: str, default: str = "") -> str:
    """Return the text of a child, or the default."""
    found = element.findtext(name)
    return default if found is None else found
