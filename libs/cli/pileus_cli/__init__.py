"""The unified command pileus."""
