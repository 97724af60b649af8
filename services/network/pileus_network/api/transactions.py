"""A request's one transaction, with the application's tools. Affected hosts are notified after the commit."""

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from pileus_kit.web import caller
from pileus_network.api.tools import tools
from pileus_network.core import quotas, transactions

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

T = TypeVar("T")


def _default_quotas() -> dict[str, int]:
    return quotas.parse_configured(tools().config.quotas)


def read(work: "Callable[[Session], T]") -> T:
    return transactions.read(tools().sessions, _default_quotas(), work)


def write(work: "Callable[[Session], T]") -> T:
    written = transactions.write(tools().sessions, _default_quotas(), caller(), work)
    tools().notify_agents(written.generations)
    for job_id in written.job_ids:
        tools().job_notifier.notify(job_id)
    return written.result
