"""What one can tell the program to do, a file a command: its arguments (`add`) and what it does (`run`).

Data goes to stdout, diagnostics to stderr; `run` returns the exit code. What a command needs is imported in `run`,
so that --help is quick.
"""
