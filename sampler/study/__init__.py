"""The study file: what is wanted, read strictly, and how a problem is put to a model."""
