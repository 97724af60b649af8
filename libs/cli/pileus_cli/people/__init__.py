"""Commands for people and operators. A module declares COMMANDS."""
