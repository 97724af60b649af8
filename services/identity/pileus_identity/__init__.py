"""The identity service: the Keystone v3 API with users, projects, roles, tokens and the service catalog."""
