"""One comparison in full, wherever it is listed."""
