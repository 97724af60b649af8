"""What handlers work with: the sessions, configuration, peers and agents that the application was built with."""

from pileus_compute.core.tools import Tools
from pileus_kit.web import tools_of

tools = tools_of(Tools)
