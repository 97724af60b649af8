"""Commands that aren't a noun and a verb: what people want of a cloud."""
