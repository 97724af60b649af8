"""/v1/{account}: its containers and its metadata."""

from functools import partial

from pileus_objectstore.api.http import Request, Response, http_date
from pileus_objectstore.api.listing_formats import listing_query, media_type, render_account
from pileus_objectstore.api.metadata_headers import account_changes, visible
from pileus_objectstore.api.routes import Calls
from pileus_objectstore.core import account_acls, account_deletions, accounts, storage_policies
from pileus_objectstore.core.access import PROJECT_DOMAIN, SET_ACCOUNT_LIMITS
from pileus_objectstore.core.quotas import ACCOUNT_QUOTAS, policy_sums
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.wire.contract import ListingInfo, timestamp

calls = Calls("account")


@calls.endpoint("GET", policy="objectstore:account:read")
def index(tools: Tools, request: Request) -> Response:
    """List the account's containers."""
    query, media = listing_query(request.query), media_type(request.query, request.header("Accept"))
    info, entries = accounts.list_containers(tools, request.target, query)
    body = render_account(request.target.account, entries, media, partial(storage_policies.name_of, tools))
    return Response(200 if body else 204, _headers(tools, info, request), body, f"{media}; charset=utf-8")


@calls.endpoint("HEAD", policy="objectstore:account:read")
def show(tools: Tools, request: Request) -> Response:
    """Show the account's metadata and sums."""
    media = media_type(request.query, request.header("Accept"))
    info = accounts.get(tools, request.target)
    return Response(204, _headers(tools, info, request), b"", f"{media}; charset=utf-8")


@calls.endpoint("POST", policy="objectstore:account:update")
def update(tools: Tools, request: Request) -> Response:
    """Change the account's metadata."""
    accounts.update(tools, request.access, request.target, _changes(tools, request))
    return Response(204)


@calls.endpoint("PUT", policy="objectstore:account:create")
def create(tools: Tools, request: Request) -> Response:
    """Create the account, which would also come into being with its first container."""
    created = accounts.update(tools, request.access, request.target, _changes(tools, request))
    return Response(201 if created else 202)


@calls.endpoint("DELETE", policy="objectstore:account:delete")
def delete(tools: Tools, request: Request) -> Response:
    """Delete the account with all that is in it, which goes a little later."""
    account_deletions.delete(tools, request.target)
    return Response(204)


def _changes(tools: Tools, request: Request) -> dict[str, str]:
    return account_changes(request.headers, storage_policies.quota_headers(tools))


def _headers(tools: Tools, info: ListingInfo | None, request: Request) -> list[tuple[str, str]]:
    info = info or ListingInfo("")
    count, objects, size = str(info.count), str(info.objects), str(info.size)
    shown = [
        ("X-Account-Container-Count", count),
        ("X-Account-Object-Count", objects),
        ("X-Account-Bytes-Used", size),
        ("X-Timestamp", info.created or timestamp()),
        ("Accept-Ranges", "bytes"),
    ]
    if info.created:
        shown.append(("X-Put-Timestamp", info.put))
        shown.append(("Last-Modified", http_date(info.newest or info.put)))
    for index, sums in policy_sums(info).items():
        prefix = f"X-Account-Storage-Policy-{storage_policies.name_of(tools, index).title()}-"
        shown += [
            (prefix + "Container-Count", str(sums.containers)),
            (prefix + "Object-Count", str(sums.objects)),
            (prefix + "Bytes-Used", str(sums.size)),
        ]
    if info.value(PROJECT_DOMAIN) not in ("", accounts.UNKNOWN_DOMAIN):
        shown.append(("X-Account-Project-Domain-Id", info.value(PROJECT_DOMAIN)))
    if request.owner and info.value(account_acls.STORED):
        shown.append((account_acls.HEADER, info.value(account_acls.STORED)))
    for quota in ACCOUNT_QUOTAS:
        if info.value(quota):
            shown.append((quota.replace("-Meta-", "-"), info.value(quota)))
    stored = storage_policies.quota_headers(tools).items()
    shown += [(header, info.value(name)) for header, name in stored if info.value(name)]
    if tools.policies.allows(SET_ACCOUNT_LIMITS.rule, request.access.caller, request.target):
        shown += [(name, info.value(name)) for name in accounts.LIMITS if info.value(name)]
    return shown + list(visible("account", info.metadata, request.owner))
