"""The packed engine: the rows of a step as one, without padding, and nothing computed that is not needed."""
