"""Accounts and containers as host names: `container.AUTH-project.storage.example.com` (Swift's domain_remap)."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pileus_kit.errors import BadRequest

if TYPE_CHECKING:
    from wsgiref.types import WSGIEnvironment

CLIENT_PATH = "pileus.client_path"  # in the environment of a request whose path was completed: what the client sent


def complete_path(environ: "WSGIEnvironment", host: str, domains: Sequence[str], prefixes: Sequence[str]) -> None:
    """Put the account (and container) that a host name states in front of the path. Raises BadRequest.

    `domains` are those below which host names mean accounts. A host name may not contain an underscore, so the
    account's prefix (one of `prefixes`) may end with a hyphen in it, and be written in any case.
    """
    host = host.partition(":")[0]
    domain = next((name for name in domains if host.lower().endswith("." + name.lower())), "")
    if not domain:
        return
    *containers, account = host[: -len(domain) - 1].split(".")
    if len(containers) > 1:
        raise BadRequest(why="Bad domain in host header")
    prefix = next((name for name in prefixes if _folded(account).startswith(_folded(name))), None)
    if prefix is None:
        return
    account = prefix + account[len(prefix) :]
    path = environ.get("PATH_INFO", "/")
    environ[CLIENT_PATH] = path
    environ["PATH_INFO"] = "/".join(["/v1", account, *containers, path.removeprefix("/")])


def _folded(text: str) -> str:
    return text.lower().replace("-", "_")
