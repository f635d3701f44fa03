"""One plugin for each group of codebudget, a module each."""
