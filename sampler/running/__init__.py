"""Run a study.

Missing samples are drawn and scored until the study is complete or stopped; subscribers get its events.

`run` is the run itself: `planning` says what is missing, `early_stopping` whether a study goes on, and `scoring` scores
samples while others are drawn. `dependencies` opens engines and the sandbox. `headless` runs a study for a command,
with the options of `run_options`, the displays of `displays` and the reports of `ci`; `progress` defines the events.
`stored` scores or judges again what a store holds, without engines.

Whatever ends a run, the next one continues from the store. A fault of ours is recorded there and raised; the sample
stays without a verdict.
"""
