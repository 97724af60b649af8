"""The text inside a vmdk file: only the lines that a self-contained image needs are allowed."""

import re

KINDS = (b"monolithicSparse", b"streamOptimized")
NO_PARENT = re.compile(rb"parentCID=\s*f{8}", re.IGNORECASE)
EXTENT = re.compile(rb'(?:RW|RDONLY|NOACCESS)\s+\d+\s+(\w+)\s+"([^"]*)"(?:\s+\d+)?')
ENTRY = re.compile(rb"(version|encoding|CID|parentCID|isNativeSnapshot|createType|ddb\.[\w.]+)\s*=.*", re.IGNORECASE)


def unsafe(region: bytes, length: int) -> str:
    """Return why a descriptor is unsafe, "" if it is safe. It is the first `length` bytes of `region`, but readers
    search all of it."""
    if b"parentfilenamehint" in region.lower():
        return "it has a parent"
    text = region[:length].split(b"\0", 1)[0]
    lines = [line for line in (each.strip() for each in text.split(b"\n")) if line and not line.startswith(b"#")]
    return _parent(region, lines) or _kind(lines) or _lines(lines)


def _parent(region: bytes, lines: list[bytes]) -> str:
    """Return why the parent is unsafe. Readers take the first `parentCID` that they find, even inside a comment, so
    only one is allowed."""
    if region.lower().count(b"parentcid") != 1 or not any(NO_PARENT.fullmatch(line) for line in lines):
        return "it has a parent, or doesn't say that it has none"
    return ""


def _kind(lines: list[bytes]) -> str:
    kinds = [line for line in lines if line.lower().startswith(b"createtype")]
    found = re.fullmatch(rb'createType\s*=\s*"([^"]*)"', kinds[0]) if len(kinds) == 1 else None
    if not found or found[1] not in KINDS:
        return "only monolithicSparse and streamOptimized vmdk images are self-contained"
    return ""


def _lines(lines: list[bytes]) -> str:
    extents = [EXTENT.fullmatch(line) for line in lines if not ENTRY.fullmatch(line)]
    if len(extents) > 1:
        return "its data is in other files"
    for extent in extents:
        if extent is None:
            return "its descriptor has a line that no self-contained image needs"
        if extent[1] != b"SPARSE" or re.search(rb"[/\\:]", extent[2]):
            return "its data is in other files"
    return ""
