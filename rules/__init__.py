"""Rules: one module a family, one function a rule."""
