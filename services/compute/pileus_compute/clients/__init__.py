"""The other services as compute calls them: only the files here know their paths and the shapes of their JSON.

A call is made as this service's own user, or with the rights of a `caller`. It raises PeerRefused with the other
service's status and sentence, or PeerDown.
"""
