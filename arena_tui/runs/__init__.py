"""What several screens need of runs: following them, their state, their queue."""
