"""What networks are for: the results, scores and files of detection and of classification."""
