"""What an evaluation says, as one HTML file for people."""
