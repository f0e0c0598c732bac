"""Normalisations: recognised in every exporter's spelling, and computed in other ways."""
