"""The rules of the object store: names, rights, metadata, replicas and quorums."""
