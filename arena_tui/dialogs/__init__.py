"""Small questions and longer texts over a screen."""
