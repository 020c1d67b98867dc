"""What trains, plans and predicts alike: engine, precision, memory, device, steps."""
