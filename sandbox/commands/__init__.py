"""The commands of `sandbox`, by what they work on. `common` holds what they share."""
