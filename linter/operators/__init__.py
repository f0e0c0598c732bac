"""What a node computes, whatever its dialect."""
