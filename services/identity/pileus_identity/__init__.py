"""Who may do what: users, projects, roles, tokens, catalogue."""
