"""Score programs: connect the boxes, the judge and the problems.

`scorer` takes one program after another. Where tests have no results, `references` asks the data set's own solution;
where they are code, `grader_tests` runs them in a box of their own; where programs are compared with each other,
`collect_answers` gets every answer. `samples` and `scorefile` are for files, and `rejudging` judges again without a
box.
"""
