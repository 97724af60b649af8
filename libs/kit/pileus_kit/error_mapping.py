"""What a caller is told about trouble behind a request that passes: they may come again, and it is no bug of ours."""

import errno

from pileus_kit import database_errors
from pileus_kit.errors import CloudError, DatabaseBusy

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class StorageFull(CloudError):
    status = 507
    retry_after = 60
    text = "The service's storage is full."


def refusal_for(err: BaseException) -> CloudError | None:
    """The refusal for a database that is busy or a disk that is full; None for anything else. What the database says
    about it (SQL and all) is for the log."""
    if database_errors.is_outage(err):
        return DatabaseBusy()
    if isinstance(err, OSError) and err.errno in NO_ROOM:
        return StorageFull()
    return None


def cause_without_sql(err: BaseException) -> str:
    """The cause without its SQL."""
    return str(getattr(err, "orig", None) or err)
