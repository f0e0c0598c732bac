"""Training reference networks, small, on photographs that come with packages and drawn scenes.

What is trained on what, and what is held out, is fixed in `split.json`; what is done to the
pictures, in `degradations`; how each network is trained, in `recipes`.
"""
