"""Trained networks as files for other machines: TFLite, ONNX, SavedModel."""
