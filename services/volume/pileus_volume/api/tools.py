"""What the application was built with, for handlers."""

from pileus_kit.web import tools_of
from pileus_volume.core.tools import Tools
from pileus_volume.db.models import Job

tools = tools_of(Tools)


def notify_workers(*jobs: Job | None) -> None:
    """Ring for the jobs, after the commit; None stands for no job."""
    for job in jobs:
        if job:
            tools().ring(job.id)
