"""Typed access to the application's tools."""

from pileus_identity.core.tools import Tools
from pileus_kit.web import tools_of

tools = tools_of(Tools)
