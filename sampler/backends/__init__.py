"""Run engines behind one protocol: `base` defines it, and only `open` maps names to classes."""
