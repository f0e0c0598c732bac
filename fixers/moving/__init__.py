"""Operators that move values: borders, pieces, joins, depth and space, sizes."""
