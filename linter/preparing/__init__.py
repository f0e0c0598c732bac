"""Rewriting live networks before they are exported: what `npulint.fixers.torch` opens.

What a layer is replaced by is decided by exporting it and its alternatives and asking the support
tables about the nodes that come out, as `fix` does with the nodes of a file.
"""
