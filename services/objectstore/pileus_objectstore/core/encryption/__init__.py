"""Encryption at rest: between the use cases and the storage hosts, which never see a key (decision 0023)."""
