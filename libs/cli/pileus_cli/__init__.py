"""The unified command pileus."""

VERSION = "0.1.0"
