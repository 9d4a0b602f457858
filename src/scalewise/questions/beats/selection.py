"""The rule by which each model was selected is part of the method: without it there is no ranking.

Gulrajani and Lopez-Paz 2020 (arXiv 2007.01434): a domain generalisation algorithm without a model selection criterion
is incomplete, and which algorithm leads changes with the criterion.
"""

import re
from typing import TYPE_CHECKING

from scalewise.errors import QuestionError
from scalewise.questions.metric import column_of
from scalewise.runs.table import Runs, listed

if TYPE_CHECKING:
    import polars as pl

RULE = re.compile(
    r"(^|_)(model|checkpoint|hparams?|hyperparameters?|validation)_?selection"
    r"|^selection(_(rule|method|criterion|strategy|metric))?$|^(selected|chosen)_by$",
    re.I,
)
"""Columns that look like the rule by which models were selected."""
UNSEEN = re.compile(r"^(test|held_?out|unseen)_?(envs?|environments?|domains?)$", re.I)
"""Columns of worlds that training has not seen: there, what selection may look at decides much."""


def selection_column(
    runs: Runs, rows: "pl.DataFrame", selection: str | None, taken: list[str]
) -> tuple[str | None, str]:
    """The column of selection rules, and what is assumed of them; `taken` columns already mean something else.

    Raises QuestionError where the table holds several rules, or should state one, and the question names none.
    """
    if selection is not None:
        name = column_of(runs, selection, "--selection")
        if unstated := rows[name].null_count():
            raise QuestionError(
                f"{runs.source}: {unstated:,} rows do not state their selection rule in column '{name}'; fill it in, "
                "or leave them out with --where."
            )
        return name, ""
    for name in rows.columns:
        if not RULE.search(name) or name in taken:
            continue
        rules = rows[name].unique().sort().to_list()
        if len(rules) == 1 and rules[0] is not None:
            return None, f"every model was selected by one rule: {rules[0]}"
        raise QuestionError(
            f"{runs.source}: no ranking without a rule: column '{name}' holds {len(rules)} of them ({listed(rules)}); "
            f"answer for each with --selection {name}, or keep one with --where \"{name} == '{rules[-1]}'\"."
        )
    unseen = next((name for name in rows.columns if UNSEEN.search(name)), None)
    if unseen is not None:
        raise QuestionError(
            f"{runs.source}: no ranking without a rule: column '{unseen}' holds worlds that training has not seen, and "
            "nothing states how models were selected for them; add a column model_selection that does."
        )
    return None, ""
