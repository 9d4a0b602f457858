"""Reports: one Answer as terminal text, as one HTML file, and its figures as images. Nothing here computes an answer.

`terminal.py` and `html.py` show an Answer, `cells.py` decides how numbers are written, `figures/` draws each kind of
chart as a Vega-Lite description, `export.py` renders those without a browser.
"""
