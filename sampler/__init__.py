"""Samples completions from models, accounts for every cost, keeps all of it, and compares models at equal budget.

A *study* is models x problems x samples. Running one is always a resume: what the study wants minus what the store holds is
sampled, what has no verdict is scored, each fact is written once, and a kill at any moment costs at most the work in flight.
The sandbox is known through one protocol (`executor`), engines through another (`backends.base`); statistics (`stats`) are
plain arithmetic on counts, so that a reader can check the science in one sitting.
"""
