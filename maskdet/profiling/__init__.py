"""Where a trained network's time goes, stage by stage."""
