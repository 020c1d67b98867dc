"""What a card does with a model of random weights: `python -P -m core.bench` prints it as JSON."""
