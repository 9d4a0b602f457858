"""The page: the same questions, answers and figures as on the command line, in a local browser.

`server.py` binds and starts, `app.py` lists the addresses, `guard.py` decides who may come in. `shelf.py` is what the
page can see on disk: tables and answers. Whatever reads, fits or draws does so in `worker.py`, a process of its own
that `workers.py` starts, watches and ends; `jobs.py` is what such a process can do. `forms.py` makes a form of a
question's options, `live.py` watches a suite in training, `training.py` stops it and goes on with it.
"""
