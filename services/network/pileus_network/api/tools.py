"""The application's tools, for the handlers."""

from pileus_kit.web import tools_of
from pileus_network.clients.tools import Tools

tools = tools_of(Tools)
