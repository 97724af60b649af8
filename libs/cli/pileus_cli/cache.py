"""What commands remember for later ones: tokens with their catalogue, versions, names for completion, refusals.

All of it is in one directory of the user's own; a file that other users could read is refused, not used.
"""

import hashlib
import json
import os
import time
from pathlib import Path
from typing import Any

from pileus_cli.config import Config
from pileus_cli.errors import Trouble
from pileus_cli.json_types import JsonObject

REFUSALS = 50  # how many are remembered


def directory() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "pileus" / "command"


def key(config: Config) -> str:
    """Return the key of one login: cloud, user and scope."""
    text = json.dumps([config.auth, config.auth_type, config.cacert, config.verify], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def read(name: str) -> Any:
    """Return what `write` kept under this name, None if there is nothing. Raises Trouble for a file that others can
    read."""
    file = directory() / f"{name}.json"
    _check(directory())
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        return None
    except OSError as err:
        raise Trouble(f"The cache file {file} can't be opened: {err.strerror}.", f"Remove it: rm {file}") from None
    with os.fdopen(descriptor) as opened:
        facts = os.fstat(descriptor)
        if facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
            raise Trouble(
                f"The cache file {file} can be read or was made by others; it holds a token.",
                f"If you trust it: chmod 600 {file}; if not: rm {file}",
            )
        try:
            return json.load(opened)
        except ValueError:
            return None


def _check(place: Path) -> None:
    try:
        facts = place.stat()
    except OSError:
        return  # the directory doesn't exist or can't be made, so nothing is read from it
    if facts.st_uid != os.geteuid() or facts.st_mode & 0o077:
        raise Trouble(
            f"The cache directory {place} can be read or was made by others; tokens lie in it.",
            f"If you trust it: chmod 700 {place}; if not: rm -r {place}",
        )


def write(name: str, value: Any) -> None:
    """Keep `value` (JSON) for the next command, readable by this user only. Without a home nothing is kept."""
    place = directory()
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh = place / f".{name}.{os.getpid()}"
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "w") as file:
            json.dump(value, file)
        fresh.replace(place / f"{name}.json")
    except OSError:
        return


def drop(name: str) -> None:
    (directory() / f"{name}.json").unlink(missing_ok=True)


def remember_refusal(**facts: Any) -> None:
    """Remember a refused creation, so that `pileus why` can explain what doesn't exist."""
    write("refusals", [*refusals(), {"at": time.time(), **facts}][-REFUSALS:])


def refusals() -> list[JsonObject]:
    return read("refusals") or []
