"""The page under load: 50 clients at once, half asking and half watching a suite; and how fast one is served.

    python bench/serve.py                  # a minute of load
    python bench/serve.py --seconds 20
    python bench/serve.py --seconds 0      # one client only

First, of one client, by the clock and by the processor (server and workers together; what else the machine does not
counted): the page with an answer that is known, the first answer of a fresh server, and a changed option of a question
about 1000 runs with 1000 resamples. Then the load. The suite that is watched is trained for real before;
during the load a run of it gets five further lines a second. Fails when a request fails, or when the
server's own memory grows by more than half.
"""

import argparse
import asyncio
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import httpx
import numpy as np
import polars as pl

from scalewise.runs.store import RunFolder

CLIENTS = 50
OPTIONS = [{"o.tolerance": tolerance} for tolerance in ("0.002", "0.005", "0.01", "0.02")]
QUESTIONS = ("model-size", "equal-compute", "audit")
GOALS = {"page": 0.3, "first answer": 2.0, "option change": 0.5}
MOST_GROWTH = 1.5
STUDY = """
name = "watched"
flops = [2e8, 4e8]
sizes = [{ width = 12, depth = 1 }, { width = 20, depth = 1 }]
[data]
corpus = "text.txt"
context = 32
held_out_windows = 16
[tuning]
rate_times_width = 0.25
seeds = [0, 1]
"""


def thousand_runs() -> pl.DataFrame:
    """Ten sizes at ten budgets with ten seeds, from the law of Hoffmann et al. 2022 with 0.3 % noise."""
    axes = (np.geomspace(1e6, 1e9, 10), np.geomspace(1e17, 1e20, 10), np.arange(10))
    params, flops, seed = (a.ravel() for a in np.meshgrid(*axes, indexing="ij"))
    tokens = flops / (6 * params)
    noise = np.exp(np.random.default_rng(7).normal(0, 0.003, params.size))
    loss = (1.7 + 400 / params**0.35 + 1500 / tokens**0.38) * noise
    return pl.DataFrame({"params": params, "tokens": tokens, "flops": flops, "seed": seed.astype(int), "loss": loss})


def prepare(folder: Path) -> Path:
    """A table, and a trained store; the store."""
    thousand_runs().write_csv(folder / "thousand.csv")
    sources = sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py"))[:30]
    text = "".join(path.read_text(encoding="utf-8", errors="replace") for path in sources)
    (folder / "text.txt").write_text(text, encoding="utf-8")
    (folder / "study.toml").write_text(STUDY)
    words = [sys.executable, "-m", "scalewise", "train", "study.toml", "--into", "watched", "--workers", "1"]
    subprocess.run(words, cwd=folder, check=True, stderr=subprocess.DEVNULL)
    return folder / "watched"


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[tuple[httpx.AsyncClient, int]]:
    """A client that may come in, and the server's process number."""
    words = [sys.executable, "-m", "scalewise", "serve", ".", "--no-open"]
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    found = re.search(r"(http://\S+)/\?token=(\S+)", await asyncio.to_thread(process.stdout.readline))
    assert found is not None
    limits = httpx.Limits(max_connections=2 * CLIENTS)
    headers = {"authorization": f"Bearer {found[2]}"}
    async with httpx.AsyncClient(base_url=found[1], headers=headers, limits=limits, timeout=300) as client:
        yield client, process.pid
    process.terminate()
    process.wait()


async def timed(client: httpx.AsyncClient, path: str, data: dict[str, str] | None = None) -> float:
    started = time.perf_counter()
    reply = await (client.get(path) if data is None else client.post(path, data=data))
    reply.raise_for_status()
    return time.perf_counter() - started


def processor_seconds(server: int) -> float:
    """Processor time of the server and of its workers so far."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:  # ended meanwhile
            continue
        if server in (int(path.parent.name), int(fields[1])):
            ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


class Taken(NamedTuple):
    """Seconds by the clock, and of the processor."""

    clock: float
    processor: float


async def one_client(client: httpx.AsyncClient, server: int, key: str) -> dict[str, Taken]:
    """Workers are given time to load before the first answer, as a person's first click gives them."""

    async def both(path: str, data: dict[str, str] | None = None) -> Taken:
        before = processor_seconds(server)
        clock = await timed(client, path, data)
        return Taken(clock, processor_seconds(server) - before)

    await client.get("/static/figures.js")
    await timed(client, "/tables/smol")
    used = -1.0
    while processor_seconds(server) > used:
        used = processor_seconds(server)
        await asyncio.sleep(0.5)
    took = {"first answer": await both("/tables/smol/ask/equal-compute", {})}
    took["page"] = min([await both("/tables/smol/ask/equal-compute") for _ in range(5)])
    address = f"/tables/{key}/ask/model-size"
    took["first of 1000 runs"] = await both(address, {})
    changes = [await both(address, option) for option in OPTIONS if option["o.tolerance"] != "0.005"]
    took["option change"] = statistics.median_low(changes)
    took["compute change"] = await both(address, {"o.flops": "3e20"})
    return took


async def ask_on(client: httpx.AsyncClient, keys: list[str], until: float, number: int, took: list[float]) -> None:
    """Ask one question after another, as fast as answers come."""
    for table, question, option in itertools.islice(
        itertools.cycle(itertools.product(keys, QUESTIONS, OPTIONS)), number, None
    ):
        if time.monotonic() > until:
            return
        options = option if question == "model-size" else {}
        took.append(await timed(client, f"/tables/{table}/ask/{question}", options))
        took.append(await timed(client, f"/tables/{table}/ask/{question}"))


async def watch(client: httpx.AsyncClient, key: str, until: float, events: list[int]) -> None:
    """Follow a suite until the end."""
    async with client.stream("GET", f"/suites/{key}/events") as stream:
        stream.raise_for_status()
        async for line in stream.aiter_lines():
            if line.startswith("data: "):
                events.append(len(json.loads(line.removeprefix("data: "))["curves"]))
            if time.monotonic() > until:
                return


async def write_on(store: Path, until: float) -> None:
    """Let a run go on, so that there is news."""
    file = next(store.glob("runs/*/metrics.jsonl"))
    last = json.loads(file.read_text().splitlines()[-1])
    RunFolder(file.parent).set_state("running")  # what has ended is not looked at again
    while time.monotonic() < until:
        last |= {"step": last["step"] + 1, "flops": last["flops"] * 1.01}
        with file.open("a") as opened:
            opened.write(json.dumps(last) + "\n")
        await asyncio.sleep(0.2)


def megabytes(process: int) -> float:
    """Resident memory of a process."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * 4096 / 2**20


async def load(client: httpx.AsyncClient, process: int, keys: tuple[str, str], store: Path, seconds: float) -> bool:
    """Whether 50 clients are served without a fault and in bounded memory."""
    key, suite = keys
    took: list[float] = []
    events: list[int] = []
    before = megabytes(process)
    until = time.monotonic() + seconds
    asking = [ask_on(client, ["smol", key], until, i, took) for i in range(CLIENTS // 2)]
    watching = [watch(client, suite, until, events) for _ in range(CLIENTS // 2)]
    done = await asyncio.gather(*asking, *watching, write_on(store, until), return_exceptions=True)
    faults = [one for one in done if isinstance(one, BaseException)]
    after = megabytes(process)
    middle, late = np.percentile(took, [50, 99])
    print(
        f"  {CLIENTS} clients for {seconds:.0f} s: {len(took):,} requests, {len(events):,} events, {len(faults)} faults"
    )
    print(f"  request: median {1000 * middle:.0f} ms, 99 % within {1000 * late:.0f} ms")
    print(f"  memory of the server: {before:.0f} MB before, {after:.0f} MB after")
    for fault in faults[:5]:
        print(f"  {type(fault).__name__}: {fault}")
    return not faults and after < MOST_GROWTH * before


async def main(seconds: float) -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = prepare(folder)
        async with served(folder) as (client, process):
            start = (await client.get("/")).text
            key = re.search(r'/tables/(\w+)">thousand.csv', start)
            suite = re.search(r"/suites/(\w+)", start)
            assert key is not None
            assert suite is not None
            for what, took in (await one_client(client, process, key[1])).items():
                goal = f"   (goal {1000 * GOALS[what]:.0f} ms)" if what in GOALS else ""
                print(
                    f"  {what:18s} {1000 * took.clock:6.0f} ms, of the processor {1000 * took.processor:6.0f} ms{goal}"
                )
            if not seconds:
                return 0
            return 0 if await load(client, process, (key[1], suite[1]), store, seconds) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    sys.exit(asyncio.run(main(parser.parse_args().seconds)))
