"""Steps, and parts of steps, that several flows share."""
