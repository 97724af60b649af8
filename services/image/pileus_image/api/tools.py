"""What the handlers work with."""

from pileus_image.core.tools import Tools
from pileus_kit.web import tools_of

tools = tools_of(Tools)
