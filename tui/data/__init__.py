"""Read what is shown: snapshots of a store, and what a screen requests beyond them. Nothing here draws."""
