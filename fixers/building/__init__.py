"""How new nodes are written: one description of what is computed, two dialects."""
