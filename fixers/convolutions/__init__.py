"""Convolutions and what folds into them."""
