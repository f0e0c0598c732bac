"""Reference networks of image restoration, defined once and exported to both formats."""
