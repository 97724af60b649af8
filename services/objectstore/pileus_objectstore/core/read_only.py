"""Accounts that may only be read: all of them by the option `read_only`, or one by its own header (Swift's read_only).

Only what clients ask for is refused. The store's own work goes on: objects expire, and replicas are repaired.
"""

from pileus_objectstore.core.metadata import TRUE
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.errors import AccountReadOnly

HEADER = "X-Account-Sysmeta-Read-Only"  # "true", or "false" for an account that stays writable in a read-only store
DELETIONS = ("s3:AbortMultipartUpload",)
OF_ACCOUNTS = (
    "objectstore:account:update",
    "objectstore:account:create",
    "objectstore:account:set_quota",
    "objectstore:account:set_limits",
)


def check_action(tools: Tools, rule: str, s3: str, account: str) -> None:
    """Raise AccountReadOnly for a write, by its policy rule and S3's name, in an account that may only be read.

    What changes the account itself is checked where it is known which of its settings change: see `check_account`.
    """
    is_deletion = rule.endswith(":delete") or s3 in DELETIONS
    if rule not in OF_ACCOUNTS and not (is_deletion and tools.config.read_only_allows_deletes):
        check_account(tools, account)


def check_account(tools: Tools, account: str) -> None:
    """Raise AccountReadOnly for an account that may only be read. A remembered head is read again before it refuses."""
    if all(_is_read_only(tools, account, fresh) for fresh in (False, True)):
        raise AccountReadOnly()


def _is_read_only(tools: Tools, account: str, fresh: bool) -> bool:
    info = tools.listing_cache.get(Target(account), fresh)
    own = info.value(HEADER) if info is not None else ""
    return own.lower() in TRUE if own else tools.config.read_only
