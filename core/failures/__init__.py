"""What errors mean and what to do, in the user's words."""
