"""The refusals for failures behind a request that pass by themselves: the client may try again, and it is no bug."""

import errno

from pileus_kit import database_errors
from pileus_kit.errors import CloudError, DatabaseBusy

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class StorageFull(CloudError):
    """A disk of this service is full."""

    status = 507
    retry_after = 60
    text = "The service's storage is full."


def refusal_for(err: BaseException) -> CloudError | None:
    """Return the refusal for a database that is busy or a disk that is full; None for any other error.

    The database's own message, which contains SQL, is for the log only.
    """
    if database_errors.is_outage(err):
        return DatabaseBusy()
    if isinstance(err, OSError) and err.errno in NO_SPACE:
        return StorageFull()
    return None


def cause_without_sql(err: BaseException) -> str:
    """Return the database's message without the SQL statement, for the log."""
    return str(getattr(err, "orig", None) or err)
