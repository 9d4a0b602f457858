"""Read runs, ask a question, use the numbers, write a report.

python examples/1_answer.py
"""

import scalewise as sw

runs = sw.read("smol")  # or a file: CSV, Parquet, JSON lines
print(runs)

answer = sw.ask("model-size", runs, flops=1e12, tolerance=0.005)
print(answer.sentence)
print(answer.verdict, answer.probability)

table = answer.finding("The optimum, and the smallest size that will do")
print(table.columns)
print(table.rows)

answer.to_html("model-size.html")
answer.to_json("model-size.json")
