"""Whole jobs from folders to folders, each what a command does; callable from scripts too."""
