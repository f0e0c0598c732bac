"""Readers of model files: one module a format, and the door `load`."""
