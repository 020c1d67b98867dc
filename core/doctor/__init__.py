"""Looks at the machine before a run does: each check finds something, and says what to do about it."""
