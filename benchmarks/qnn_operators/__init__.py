"""The operators of the sweep, by what they do: what their operands and attributes may be."""
