"""Reports: each module takes the same Report and draws it."""
