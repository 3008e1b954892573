"""A network's page: a folder for any static server, and a server for the own machine."""
