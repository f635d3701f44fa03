"""Report on the models of a store: tables at equal budget and comparisons of two, as text, JSON and CSV.

`inputs` reads a store or a file of counts, `unit_costs` says what a sample costs in each unit, and `paired_data` puts
models side by side on the problems that all have. From these, pure functions make values: `report` (what each model
reaches, and which one reaches more), `comparison` (two models at every budget), `metrics` (pass^k and others),
`analyse` with `allocation_report` (which model to ask at a budget), `thought_lengths`, and `tree_report` (turns).
`render` and `render_analysis` print them, `report_files` writes JSON and CSV, `output_schema` makes the schemas of the
JSON, and `verdict_explanation` explains one verdict.

A number that is not known is None, and is printed as such; a model whose cost is unknown in a unit is not compared in
it.
"""
