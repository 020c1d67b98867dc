"""The engine: profiles, runs, data, models and training. It knows nothing of any screen."""
