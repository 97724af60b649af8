"""Servers on hosts."""
