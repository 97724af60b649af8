"""The object store: Swift's API over replicas on several devices and hosts."""
