"""Other forms of one operator that a TFLite file may have: versions, types, fused functions."""
