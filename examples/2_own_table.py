"""Runs from a data frame, with GPU-hours as the compute: how much longer must each LLaMA model train?

python examples/2_own_table.py
"""

import polars as pl

import scalewise as sw

llama = pl.DataFrame(
    {
        "run": ["7B", "13B", "33B", "65B"],
        "params": [6.7e9, 13e9, 32.5e9, 65.2e9],
        "tokens": [1.0e12, 1.0e12, 1.4e12, 1.4e12],
        "gpu_hours": [82432, 135168, 530432, 1022362],  # Touvron et al. 2023, arXiv 2302.13971, table 15
    }
)

answer = sw.ask("equal-compute", llama)
for row in answer.finding("How much longer each size must train").rows:
    print(f"{row[1]:.3g} params: {row[3]:.2f} times as long")
