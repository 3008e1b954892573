"""What this machine and installation are, what is missing, and the command that mends it."""
