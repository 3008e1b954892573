"""The script that ``maskdet new`` writes for a person to edit."""
