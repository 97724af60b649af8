"""What requests say, and what they name: parsed, and looked up with the rights of the caller."""
