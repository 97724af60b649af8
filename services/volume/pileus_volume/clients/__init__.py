"""Calls to other services and to storage hosts on their behalf: one typed file a service."""
