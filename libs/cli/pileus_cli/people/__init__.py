"""Commands that aren't a noun and a verb: whole tasks of users and operators."""
