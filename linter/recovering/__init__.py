"""Training a rewritten network until it computes what the original did, or what it should.

PyTorch trains; it comes with the extra `torch`, and is imported when something is trained.
"""
