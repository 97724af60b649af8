"""What every handler is given."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pileus_kit.auth import Authenticator
from pileus_objectstore.config import Config
from pileus_objectstore.core.clocks import Clock
from pileus_objectstore.core.clusters import Cluster
from pileus_objectstore.core.infos import Infos
from pileus_objectstore.core.rights import Rights


@dataclass(frozen=True)
class Tools:
    config: Config
    cluster: Cluster
    infos: Infos
    rights: Rights
    authenticate: Authenticator
    now: Callable[[], float] = field(default_factory=Clock)
