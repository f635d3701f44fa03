"""Write a study's report as one HTML file that needs no network, no server and no other file.

    store ─► facts ─► page model ─► chart ─► page.html.jinja ─► one file

* `page_model` decides what is shown: the report's own tables, a curve for each model in each unit, every problem's
  share of right samples, what the verdicts were, and where each number comes from.
* `chart` lays a figure out in pixels. It is pure: values in, values out.
* `problem_pages` writes a page for each failing problem beside it, if that is asked for.
* `write` fills the template, or draws the same figures with matplotlib for papers. Names and messages come from models
  and files, which are hostile: the template engine escapes all of them, and none is marked as safe.

The figures are plain SVG and can be read without a script. The script adds a rule that follows the pointer and says
what each model reaches at that budget. Colour never carries a meaning alone: every line has its name at its end and a
dash pattern of its own beyond the seventh, every cell of the map has its number.
"""
