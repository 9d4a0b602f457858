"""Text seen more than once is worth less than fresh text (Muennighoff et al. 2023, arXiv 2305.16264)."""

from scalewise.checks.caution import Caution, Evidence

ONE_EPOCH = 1.01
NEARLY_FRESH = 4.0
"""Up to four epochs, repeated text is worth almost as much as fresh text (Muennighoff et al. 2023, section 6)."""


def repeated_data(evidence: Evidence) -> Caution | None:
    compared = evidence.compared
    if "data_size" not in compared.columns or "tokens" not in compared.columns:
        return None
    epochs = (compared["tokens"] / compared["data_size"]).drop_nulls().to_numpy()
    above = int((epochs > ONE_EPOCH).sum())
    if above == 0:
        return None
    worth = (
        "and above four epochs that is far off"
        if epochs.max() > NEARLY_FRESH
        else "which up to four epochs is nearly true"
    )
    return Caution(
        "repeated-data",
        f"{above:,} of {compared.height:,} compared points read their text more than once (up to {epochs.max():.1f} "
        f"epochs); the laws take every token as fresh, {worth}.",
        tuple(sorted(compared.filter(compared["tokens"] > ONE_EPOCH * compared["data_size"])["run"].unique())),
    )
