"""Engines behind one protocol: `base` says what each can do, `open` is the only place that maps names to classes."""
