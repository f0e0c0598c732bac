"""TFLite models of one operator each: how they are written, and the operators by what they do."""
