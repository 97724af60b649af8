"""The microversion that a request asks for."""

import re
from dataclasses import dataclass

from pileus_kit.errors import BadRequest, NotAcceptable

Version = tuple[int, int]


class VersionMalformed(BadRequest):
    """The header doesn't contain a version."""

    text = "API Version String {value} is of invalid format. Must be of format MajorNum.MinorNum."


class VersionUnsupported(NotAcceptable):
    """The API has no such version."""

    text = "Version {value} is not supported by the API. Minimum is {oldest} and maximum is {newest}."


@dataclass(frozen=True)
class Microversions:
    """The microversions of an API.

    `service` is its name in the header `OpenStack-API-Version: service 2.1`; `legacy` is the name of an older header,
    which has the number alone.
    """

    service: str
    legacy: str | None
    oldest: Version
    newest: Version

    def of(self, header: str | None, legacy: str | None) -> Version:
        """Return the version that the headers ask for, the oldest one without them.

        Raises VersionMalformed or VersionUnsupported.
        """
        asked = next(
            (
                part.split()[1]
                for part in (header or "").split(",")
                if len(part.split()) == 2 and part.split()[0].lower() == self.service
            ),
            legacy,
        )
        if asked is None or not asked:
            return self.oldest
        if asked.lower() == "latest":
            return self.newest
        if not re.fullmatch(r"[1-9]\d{0,3}\.(0|[1-9]\d{0,4})", asked):
            raise VersionMalformed(value=asked)
        major, minor = map(int, asked.split("."))
        if not self.oldest <= (major, minor) <= self.newest:
            raise VersionUnsupported(value=asked, oldest=text(self.oldest), newest=text(self.newest))
        return major, minor


def text(version: Version) -> str:
    """Return a version in its usual notation: 2.79."""
    return f"{version[0]}.{version[1]}"
