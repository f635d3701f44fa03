"""Read study files strictly, and make the prompts of problems.

`spec` reads a study file with `toml_table`, where every key is read once and an unknown key is an error; its parts are
`spec_models` (models), `problem_choice` (problems), `spending` (budgets) and `request_fields` (what a server is sent
besides). `json_schema` writes the schema of the file from the same types. `prompts` puts a problem to a model and makes
the program of its completion; `strategies` says what is asked after a first answer.

A study that could not run is refused before anything is sampled, with the key and the valid values in the message.
"""
