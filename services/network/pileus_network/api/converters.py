"""Kinds of values in request bodies. Each turns what JSON brought into what the core takes, or says what is wrong."""

import ipaddress
import re
import uuid as uuids
from collections.abc import Callable, Mapping
from typing import Any

Converter = Callable[[Any], Any]
"""Raises ValueError with the reason, in a sentence."""

MAC = re.compile("[0-9a-f]{12}")
NO_MACS = ("00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff")
LABEL = re.compile("[a-z0-9]([a-z0-9-]*[a-z0-9])?")
DIGITS = re.compile(r"\s*[+-]?[0-9]{1,18}\s*", re.ASCII)
TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


def text(most: int = 255, least: int = 0) -> Converter:
    def convert(value: Any) -> str:
        if not isinstance(value, str):
            raise ValueError(f"'{value}' is not a valid string")
        if len(value) > most:
            raise ValueError(f"'{value[:40]}…' exceeds maximum length of {most}")
        if len(value) < least:
            raise ValueError(
                "a blank string is not permitted" if least == 1 else f"it needs at least {least} characters"
            )
        if "\0" in value:
            raise ValueError("it contains a null character")
        return value

    return convert


def boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = str(value).lower() if isinstance(value, str | int) else ""
    if known in TRUE or known in FALSE:
        return known in TRUE
    raise ValueError(f"'{value}' cannot be converted to boolean")


def whole_number(value: Any) -> int:
    """A whole number, also one that is written as text or with a point behind it."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        return int(value)
    if isinstance(value, bool) or not isinstance(value, int | str) or not DIGITS.fullmatch(str(value)):
        raise ValueError(f"'{str(value)[:40]}' is not an integer")
    return int(value)


def integer(least: int, most: int) -> Converter:
    def convert(value: Any) -> int:
        found = whole_number(value)
        if not least <= found <= most:
            raise ValueError(f"'{value}' is out of range ({least} through {most})")
        return found

    return convert


def uuid(value: Any) -> str:
    try:
        return str(uuids.UUID(value)) if isinstance(value, str) and len(value) in (32, 36) else _not_uuid(value)
    except ValueError:
        return _not_uuid(value)


def _not_uuid(value: Any) -> str:
    raise ValueError(f"'{value}' is not a valid UUID")


def nullable(kind: Converter) -> Converter:
    return lambda value: None if value is None else kind(value)


def blank_or(kind: Converter) -> Converter:
    """Null and the empty string mean none."""
    return lambda value: None if value in (None, "") else kind(value)


def one_of(*choices: Any) -> Converter:
    """One of these words, or of these numbers, which may be written as text."""
    numbers = all(isinstance(choice, int) for choice in choices)

    def convert(value: Any) -> Any:
        try:
            found = whole_number(value) if numbers else value
        except ValueError:
            found = None
        if not isinstance(found, str | int | None) or isinstance(found, bool) or found not in choices:
            raise ValueError(f"'{value}' is not in {list(choices)}")
        return found

    return convert


def address(value: Any) -> str:
    """Canonical text of an IPv4 or IPv6 address."""
    try:
        if not isinstance(value, str) or "%" in value:
            raise ValueError
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError(f"'{value}' is not a valid IP address") from None


def prefix(value: Any) -> str:
    """A prefix in canonical text; bits behind it are dropped, as OpenStack does."""
    try:
        if not isinstance(value, str) or "/" not in value or "%" in value:
            raise ValueError
        return str(ipaddress.ip_network(value, strict=False))
    except ValueError:
        raise ValueError(f"'{value}' is not a valid IP subnet") from None


def address_or_prefix(value: Any) -> str:
    return prefix(value) if isinstance(value, str) and "/" in value else address(value)


def mac(value: Any) -> str:
    """In any of the usual spellings: pairs, groups of four, or bare. Only the null and broadcast addresses are none."""
    digits = re.sub("[:.-]", "", value.lower()) if isinstance(value, str) and len(value) <= 17 else ""
    text = ":".join(digits[at : at + 2] for at in range(0, 12, 2))
    if not MAC.fullmatch(digits) or text in NO_MACS:
        raise ValueError(f"'{value}' is not a valid MAC address")
    return text


def list_of(kind: Converter, most: int = 100, unique: bool = True) -> Converter:
    """A list. Null is an empty one."""

    def convert(value: Any) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise ValueError(f"'{value}' is not a list")
        if len(value) > most:
            raise ValueError(f"it has more than {most} items")
        made = [kind(item) for item in value]
        if unique and any(item in made[:number] for number, item in enumerate(made)):
            raise ValueError(
                "Duplicate items in the list: " + ", ".join(sorted({repr(i) for i in made if made.count(i) > 1}))
            )
        return made

    return convert


def mapping(required: Mapping[str, Converter], optional: Mapping[str, Converter] | None = None) -> Converter:
    """An object with these keys and no others."""
    known = dict(required) | dict(optional or {})

    def convert(value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise ValueError(f"'{value}' is not a dictionary")
        for name in required:
            if name not in value:
                raise ValueError(f"the required key '{name}' is missing")
        for name in value:
            if name not in known:
                raise ValueError(f"the key '{name}' is not expected")
        return {name: known[name](value[name]) for name in value}

    return convert


def json_object(value: Any) -> dict[str, Any]:
    """Any JSON object of a sensible size."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ValueError(f"'{value}' is not a dictionary")
    if len(repr(value)) > 4095:
        raise ValueError("it is longer than 4095 characters")
    return value


def dns_label(value: Any) -> str:
    """One label of a domain name (RFC 1123), in small letters; "" is none."""
    found = text(63)("" if value is None else value).lower()
    if found and not LABEL.fullmatch(found):
        raise ValueError(f"'{value}' is not a valid host name")
    return str(found)


def tag(value: Any) -> str:
    """Commas separate tags in queries, so none may hold one."""
    found = text(255, 1)(value)
    if "," in found:
        raise ValueError(f"'{value}' contains a comma")
    return str(found)
