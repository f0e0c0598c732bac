"""The catalogue of realisations: ways to compute an operator out of others, each with its proof.

A realisation is written once, against the records of `npulint.operators` and a builder, and so
works in both dialects. It is chosen by asking the support tables about the nodes that it would
build, never by a list of operators thought to be good.
"""
