"""The rules of the object store, for any API above it: objects, listings, access, replicas and quorums."""
