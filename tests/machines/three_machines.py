"""A cloud of three machines, as the tests use it."""

from dataclasses import dataclass

from namespaces import Machine, Network

from pileus_deploy import plan_files
from pileus_deploy.bootstrap import Cloud

OFFSET = 340


@dataclass
class Machines:
    """The controller, and those that join."""

    controller: Machine
    second: Machine
    third: Machine
    network: Network | None = None

    def cloud(self, user: str, project: str) -> Cloud:
        """Return the cloud as a user sees it from another machine: this one."""
        plan = plan_files.load(self.controller.state)
        assert plan is not None
        return Cloud(plan, user, project)

    def invite(self, *words: str) -> str:
        return self.controller.pileus("cloud", "invite", *words).strip()

    def join(self, machine: Machine) -> str:
        """Have the machine join; the third one keeps volumes, too. Returns what the script shows."""
        roles = "compute,object,volume" if machine is self.third else "compute,object"
        return machine.deploy("join", self.invite("--roles", roles))
