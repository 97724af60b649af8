"""The unified command pileus."""

VERSION = "0.2.0.dev0"
