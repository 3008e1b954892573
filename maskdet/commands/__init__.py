"""The command line: every command is a module with a few lines over the public API."""
