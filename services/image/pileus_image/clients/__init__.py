"""Calls to other services: one file a service, with typed functions. Nothing else calls them."""
