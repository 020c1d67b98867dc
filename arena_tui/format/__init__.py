"""How figures, states and texts from outside are written."""
