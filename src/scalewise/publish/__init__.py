"""A trained run as a folder that others can load, check and rerun.

`artefact.py` puts it together, `checkpoint.py` writes the model in the standard format, `tokenizer.py` its tokenizer,
`card.py` the model card.
"""

from scalewise.publish.artefact import kept_template as kept_template
from scalewise.publish.artefact import publish as publish
from scalewise.publish.checkpoint import Chat as Chat
from scalewise.publish.checkpoint import write_checkpoint as write_checkpoint
