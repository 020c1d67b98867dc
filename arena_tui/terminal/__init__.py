"""The terminal: what it can, what is sent to it, and the standard streams."""
