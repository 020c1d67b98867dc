"""What every screen stands on: its keys, its messages, the profiles there are."""
