"""Act on what a study found: answer one problem within one budget, and say how sure the answer is.

`problem` reads what a person or a program asks, `policy` decides whom to ask and reads what a study says of
each model, `solver` samples, executes and stops, and `endpoint` offers it to programs that speak OpenAI's API.
"""
