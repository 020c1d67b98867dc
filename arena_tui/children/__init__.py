"""Child processes of the engine, asked by the console."""
