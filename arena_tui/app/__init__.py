"""The console as a whole: what stands above all its screens."""
