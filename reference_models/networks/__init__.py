"""How each network is written: one module a family."""
