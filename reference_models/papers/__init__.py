"""What each paper shows: its networks, where they are described, and the figures it prints."""
