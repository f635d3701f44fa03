"""What is shown: snapshots of a store and what a screen asks for beyond them. Nothing here draws."""
