"""Scores of detections: COCO's AP and matterport's mean, and pictures of both."""
