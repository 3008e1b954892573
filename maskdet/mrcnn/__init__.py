"""The library under the names of matterport's `mrcnn` package."""
