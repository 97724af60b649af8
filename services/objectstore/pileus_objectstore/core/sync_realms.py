"""Realms of container sync: clusters that let each other's containers be synchronised, and how requests are signed.

The option `container_sync_realms` names a file in the format of Swift's container-sync-realms.conf: a section for each
realm with `key`, perhaps `key2` (which signatures may have been made with, too, while keys change), and
`cluster_NAME = URL` for each cluster. Names mean the same in upper and in lower case. A changed file is read at
its next use.
"""

import configparser
import hashlib
import hmac
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from pileus_kit.errors import BadRequest, Unavailable

TO, KEY = "X-Container-Sync-To", "X-Container-Sync-Key"  # of a container
MAX_NONCE_LENGTH = 256
FORM = f"{TO} has the form //realm/cluster/account/container"


class Realm(NamedTuple):
    """A realm: its name, its keys (the first one signs), and the URLs of its clusters by their names."""

    name: str
    keys: tuple[str, ...]
    clusters: Mapping[str, str]


class Destination(NamedTuple):
    """Where a container is synchronised to: `url` is the other container's."""

    realm: Realm
    url: str


def is_offered(path: str) -> bool:
    """Whether there is a file of realms."""
    return bool(path) and Path(path).exists()


def load(path: str) -> Mapping[str, Realm]:
    """The realms of a file by their names in upper case; {} without a file. Raises Unavailable if it can't be read."""
    if not is_offered(path):
        return {}
    try:
        return _parse(path, Path(path).stat().st_mtime_ns)
    except (OSError, configparser.Error, UnicodeDecodeError) as e:
        raise Unavailable(why="The realms of container sync can't be read; the operator can see why.") from e


@lru_cache(4)
def _parse(path: str, changed: int) -> Mapping[str, Realm]:
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.read_string(Path(path).read_text())
    found = {}
    for name in parser.sections():
        values = parser[name]
        keys = tuple(key for key in (values.get("key", ""), values.get("key2", "")) if key)
        clusters = {
            option.removeprefix("cluster_").upper(): url.rstrip("/")
            for option, url in values.items()
            if option.startswith("cluster_") and url
        }
        if keys:
            found[name.upper()] = Realm(name.upper(), keys, clusters)
    return found


def destination(realms: Mapping[str, Realm], text: str) -> Destination:
    """Where a value of X-Container-Sync-To leads. Raises BadRequest, whose sentence says what would be accepted."""
    if not realms:
        raise BadRequest(why="Container sync is not offered here: the operator has configured no realms.")
    parts = text.split("/")
    if not text.startswith("//") or len(parts) != 6 or not all(parts[2:]):
        raise BadRequest(why=f"{FORM}.")
    realm = realms.get(parts[2].upper())
    if realm is None:
        raise BadRequest(why=f"There is no realm {parts[2]!r} here; there are {_listed(realms)}.")
    url = realm.clusters.get(parts[3].upper())
    if url is None:
        raise BadRequest(why=f"The realm {realm.name} has no cluster {parts[3]!r}; it has {_listed(realm.clusters)}.")
    return Destination(realm, f"{url}/{quote(parts[4])}/{quote(parts[5])}")


def sign(method: str, path: str, stamp: str, nonce: str, realm_key: str, container_key: str) -> str:
    """The signature of a request, as in Swift. `path` is the URL's, with percent signs; `stamp` is its X-Timestamp."""
    text = "\n".join((method, path, stamp, nonce, container_key))
    return hmac.new(realm_key.encode(), text.encode(), hashlib.sha1).hexdigest()


def is_signed(realm: Realm, given: str, method: str, path: str, stamp: str, nonce: str, container_key: str) -> bool:
    """Whether one of the realm's keys, and the container's, made a signature."""
    made = [sign(method, path, stamp, nonce, key, container_key) for key in realm.keys]
    return len(nonce) <= MAX_NONCE_LENGTH and any(hmac.compare_digest(one.encode(), given.encode()) for one in made)


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(sorted(names)) or "none"
