"""Profiles: the one TOML text a user writes, and the settings it resolves to."""
