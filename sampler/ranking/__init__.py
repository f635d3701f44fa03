"""Which answer to hand out: rankers put to work on what a store holds, and what their choice is worth."""
