"""Would the answer be there without understanding? What the training text holds of what a model is asked and says.

`contamination.py` searches sums in every form of writing (`forms.py`), `documents.py` reads text from whatever it is
kept in.
"""
