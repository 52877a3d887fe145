"""Forward curves: the smoothest curve that reprices quotes of overlapping products, and its uses."""
