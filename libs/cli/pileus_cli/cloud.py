"""One cloud as one user sees it: a token and the catalogue, kept between commands, and calls over one connection."""

import json
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from pileus_cli import VERSION, cache
from pileus_cli.answers import Answer, Shown, curl_command, print_call, proxy_for
from pileus_cli.config import Config
from pileus_cli.errors import LoginRefused, Refused, Trouble, Unreachable
from pileus_cli.json_types import JsonObject

TYPES = {
    "identity": ("identity",),
    "compute": ("compute",),
    "image": ("image",),
    "network": ("network",),
    "volume": ("block-storage", "volumev3"),
    "object-store": ("object-store",),
}
ROOTS = {"identity": "/v3", "image": "/v2", "network": "/v2.0"}  # added unless the catalogue's URL has a version
NEWEST = {"compute": (2, 96), "volume": (3, 70)}  # the newest that this client speaks; the cloud may speak less
HEADER_NAMES = {"compute": "compute", "volume": "volume"}
SPARE_S = 60  # a token that ends within this time isn't used any more
TIMEOUT_S = 60.0


class Cloud:
    """Calls with one login. `debug` prints each call on standard error; `as_curl` raises Shown instead of a change."""

    def __init__(self, config: Config, *, debug: bool = False, as_curl: bool = False) -> None:
        self.config, self.debug, self.as_curl = config, debug, as_curl
        self.showing = False  # reading calls are printed as they are made
        self.last_write = ""  # the id of the last request that changed something
        self.times: list[tuple[str, float]] = []
        self._key = cache.key(config)
        self._known: JsonObject = {}
        self._pool: Any = None

    # -- login -----------------------------------------------------------------------------------------------------

    def login(self, again: bool = False) -> JsonObject:
        """Return {"token", "expires_at", "project_id", "user_id", "roles", "catalog", "versions"}."""
        if not self._known and not again:
            self._known = cache.read(self._key) or {}
        if again or self._known.get("expires_at", 0) < time.time() + SPARE_S:
            self._known = self._log_in()
            cache.write(self._key, self._known)
        return self._known

    def _log_in(self) -> JsonObject:
        """Log in with keystoneauth, which knows every way to do that; it is imported only when a token is needed."""
        import logging

        from keystoneauth1 import exceptions, loading, session

        logging.getLogger("keystoneauth").setLevel(logging.CRITICAL)
        try:
            loader: Any = loading.get_plugin_loader(self.config.auth_type)
            takes = {option.dest for option in loader.get_options()}
            plugin = loader.load_from_options(**{k: v for k, v in self.config.auth.items() if k in takes})
            verify: Any = (self.config.cacert or True) if self.config.verify else False
            access = plugin.get_access(
                session.Session(auth=plugin, verify=verify, timeout=TIMEOUT_S, user_agent=f"pileus/{VERSION}")
            )
        except (exceptions.Unauthorized, exceptions.Forbidden) as err:
            raise LoginRefused(
                f"Login refused: {err.message}",
                f"Check user, password and project of {'cloud ' + self.config.name if self.config.name else 'OS_*'}.",
            ) from None
        except exceptions.ClientException as err:
            raise Unreachable(
                f"{self.config.auth.get('auth_url')} can't be reached: {str(err).splitlines()[0]}",
                "Is the cloud up? On its host: deploy/status",
            ) from None
        except Exception as err:  # plugins raise various errors for options that don't fit
            raise LoginRefused(f"Login with {self.config.auth_type} isn't possible: {err}") from None
        return {
            "token": access.auth_token,
            "expires_at": access.expires.timestamp(),
            "project_id": access.project_id,
            "project_name": access.project_name,
            "user_id": access.user_id,
            "username": access.username,
            "roles": access.role_names,
            "system": access.system_scoped,
            "versions": {},
            "catalog": [
                {
                    "type": entry["type"],
                    "name": entry.get("name"),
                    "endpoints": [
                        {
                            k: e.get(k) or e.get("region_id" if k == "region" else k)
                            for k in ("interface", "region", "url")
                        }
                        for e in entry["endpoints"]
                    ],
                }
                for entry in access.service_catalog.catalog
            ],
        }

    def known_types(self) -> set[str] | None:
        """Return the service types of the remembered catalogue, None without one. Makes no call."""
        known = cache.read(self._key)
        return {entry["type"] for entry in known["catalog"]} | set(self.config.overrides) if known else None

    # -- the catalogue ---------------------------------------------------------------------------------------------

    def offers(self, service: str) -> bool:
        return self._endpoint(service) is not None

    def _endpoint(self, service: str) -> str | None:
        known = self.login()
        for kind in TYPES.get(service, (service,)):
            if kind in self.config.overrides:
                return self.config.overrides[kind]
            for entry in known["catalog"]:
                if entry["type"] == kind:
                    for endpoint in entry["endpoints"]:
                        if endpoint["interface"] == self.config.interface and (
                            not self.config.region or endpoint["region"] == self.config.region
                        ):
                            return str(endpoint["url"])
        return None

    def endpoint(self, service: str) -> str:
        """Return the service's versioned root URL, without a slash at its end."""
        found = self._endpoint(service)
        if found is None:
            raise Trouble(
                f"This cloud offers no {service} service"
                + (f" in region {self.config.region}" if self.config.region else "")
                + ".",
                "pileus catalog list shows what it offers",
            )
        url = found.rstrip("/")
        if service in ROOTS and not _has_version(url):
            url += ROOTS[service]
        return url

    def root(self, service: str) -> str:
        """Return scheme:

        host/prefix of a service, below which its versions and `/operations` are.
        """
        url = self.endpoint(service)
        parts = url.split("/")
        at = next((i for i, part in enumerate(parts) if i > 2 and _is_version(part)), len(parts))
        return "/".join(parts[:at])

    def microversion(self, service: str) -> str | None:
        """Return the newest microversion that both sides speak."""
        if service not in NEWEST:
            return None
        versions = self.login()["versions"]
        if service not in versions:
            versions[service] = self._newest(service)
            cache.write(self._key, self._known)
        theirs = tuple(versions[service] or ())
        if not theirs:
            return None
        ours = NEWEST[service]
        capped = self.config.versions.get(service, "")
        if capped.count(".") == 1 and capped.replace(".", "").isdigit():
            ours = (int(capped.split(".")[0]), int(capped.split(".")[1]))
        return ".".join(map(str, min(ours, theirs)))

    def _newest(self, service: str) -> list[int] | None:
        url = self.endpoint(service)
        parts = url.split("/")
        at = next((i for i, part in enumerate(parts) if i > 2 and _is_version(part)), None)
        if at is None:
            return None
        document = self.request("GET", "/".join(parts[: at + 1]) + "/").json()
        version: Any = document.get("version") or next(iter(document.get("versions", [])), {})
        text = version.get("version") or version.get("max_version") or ""
        return [int(n) for n in text.split(".")] if text else None

    # -- calls -----------------------------------------------------------------------------------------------------

    def call(
        self,
        service: str,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        version: str | None = None,
    ) -> Any:
        """Send and receive JSON. `path` is below the service's versioned root (`/operations…`: below its plain
        root)."""
        given = dict(headers or {})
        spoken = version or (self.microversion(service) if not path.startswith("/operations") else None)
        if spoken:
            given["OpenStack-API-Version"] = f"{HEADER_NAMES[service]} {spoken}"
        base = self.root(service) if path.startswith("/operations") else self.endpoint(service)
        url = base + path + (f"?{urlencode(query, doseq=True, quote_via=quote)}" if query else "")
        answer = self.request(method, url, body=body, headers=given)
        return answer.json()

    def pages(
        self,
        service: str,
        path: str,
        key: str,
        query: Mapping[str, Any] | None = None,
        limit: int | None = None,
        *,
        version: str | None = None,
    ) -> Iterator[JsonObject]:
        """Return every row of a list, page after page, by the links that the service gives."""
        if limit is not None and service != "identity":  # the identity service has no pages
            query = {**(query or {}), "limit": limit}
        answer = self.call(service, "GET", path, query=query, version=version)
        seen = 0
        while True:
            for row in answer.get(key, []):
                yield row
                seen += 1
                if limit and seen >= limit:
                    return
            links = answer.get(f"{key}_links") or answer.get("links") or []
            url = answer.get("next") if isinstance(answer.get("next"), str) else None
            if isinstance(links, list):
                url = next((one["href"] for one in links if one.get("rel") == "next"), url)
            if not url or not answer.get(key):
                return
            following = urlsplit(url)
            answer = self._page(service, following.path, following.query, version)

    def _page(self, service: str, path: str, query: str, version: str | None) -> Any:
        """Return the next page's path at the endpoint that we know: a cloud may not know its own address."""
        root = urlsplit(self.endpoint(service))
        version = version or self.microversion(service)
        headers = {"OpenStack-API-Version": f"{HEADER_NAMES[service]} {version}"} if version else {}
        return self.request("GET", f"{root.scheme}://{root.netloc}{path}?{query}", headers=headers).json()

    def request(
        self,
        method: str,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        data: Any = None,
        stream: bool = False,
    ) -> Answer:
        """Make one call with our token; `data` is bytes or a file. An expired token is replaced once. Raises Refused,
        Unreachable."""
        for again in (False, True):
            given = {
                "Accept": "application/json",
                "User-Agent": f"pileus/{VERSION}",
                **(headers or {}),
                "X-Auth-Token": self.login(again)["token"],
            }
            payload: Any = data
            if body is not None:
                payload = json.dumps(body).encode()
                given.setdefault("Content-Type", "application/json")
            if self.as_curl and method not in ("GET", "HEAD"):
                raise Shown(curl_command(method, url, given, body))
            if self.showing and not again:
                print(curl_command(method, url, given, body))
            answer = self._send(method, url, given, payload, stream)
            if answer.status == 401 and not again and (data is None or isinstance(data, bytes)):
                continue
            break
        if method not in ("GET", "HEAD"):
            self.last_write = answer.request_id
        if answer.status >= 400:
            raise Refused(answer.status, answer.sentence(), answer.request_id)
        return answer

    def _send(self, method: str, url: str, headers: dict[str, str], payload: Any, stream: bool) -> Answer:
        import urllib3

        began = time.monotonic()
        try:
            raw = self._connections().request(
                method,
                url,
                headers=headers,
                body=payload,
                preload_content=not stream,
                redirect=False,
                retries=urllib3.Retry(connect=1, read=False, redirect=False, status=False, other=False),
                timeout=urllib3.Timeout(connect=10, read=None if stream or payload is not None else TIMEOUT_S),
            )
        except urllib3.exceptions.HTTPError as err:
            why = str(getattr(err, "reason", None) or err).partition(": ")[2] or str(err)
            raise Unreachable(f"{method} {url}: {why}", "Is the service up? On its host: deploy/status") from None
        took = time.monotonic() - began
        self.times.append((f"{method} {url}", took))
        answer = Answer(raw)
        if self.debug:
            print_call(method, url, headers, payload, answer, took)
        return answer

    def _connections(self) -> Any:
        if self._pool is None:
            import urllib3

            options: JsonObject = {"cert_reqs": "CERT_REQUIRED" if self.config.verify else "CERT_NONE"}
            if self.config.cacert:
                options["ca_certs"] = self.config.cacert
            if self.config.cert:
                options |= {"cert_file": self.config.cert, "key_file": self.config.key or None}
            if not self.config.verify:
                urllib3.disable_warnings()
            proxy = proxy_for(self.config.auth.get("auth_url", ""))
            self._pool = urllib3.ProxyManager(proxy, **options) if proxy else urllib3.PoolManager(**options)
        return self._pool


def _is_version(part: str) -> bool:
    return part[:1] == "v" and part[1:2].isdigit()


def _has_version(url: str) -> bool:
    return any(_is_version(part) for part in url.split("/")[3:])
