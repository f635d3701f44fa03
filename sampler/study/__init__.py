"""Read study files strictly, and make the prompts of problems."""
