"""Recognition memory, trained here: the material, exact role swaps, resuming after a kill, and what study leaves."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from scalewise.errors import ScalewiseError, StudyError
from scalewise.probes.recognition.losses import HUMAN
from scalewise.probes.recognition.material import CONDITIONS, Material, material_of
from scalewise.probes.recognition.suite import Measured, Plan, run_recognition
from scalewise.questions.recognition import recognition

pytestmark = pytest.mark.train
TINY = Plan(data="glyphs", sizes=((16, 1),), pairs=12, exposures=6, seeds=1, pretrain_steps=30, updates=(5,))


@pytest.mark.parametrize("data", ["glyphs", "lines", "digits"])
def test_pairs_are_what_their_condition_says(data: str) -> None:
    if data == "digits":
        pytest.importorskip("sklearn")
    material = material_of(data, 20, 0)
    assert [str(c) for c in material.condition] == [c for c in CONDITIONS for _ in range(20)]
    assert material.first.shape == material.second.shape
    assert material.first.max() < material.vocabulary
    differs = (material.first != material.second).mean(axis=1)
    assert (differs > 0).all()
    state = differs[material.condition == "state"].mean()
    assert state < differs[material.condition == "novel"].mean()
    items = np.concatenate([material.first, material.second])
    assert len(np.unique(items, axis=0)) > 0.9 * len(items)
    again = material_of(data, 20, 0)
    assert (again.first == material.first).all()
    assert not (material_of(data, 20, 1).first == material.first).all()


@pytest.mark.parametrize("data", ["glyphs", "lines"])
def test_studied_items_are_not_in_the_pretraining_corpus(data: str) -> None:
    material = material_of(data, 20, 0)
    flat = material.corpus.train.tobytes()
    mark = {"glyphs": b"", "lines": b"\n"}[data]
    assert not any(mark + row[1:-1].tobytes() in flat for row in np.concatenate([material.first, material.second]))


def test_a_folder_of_images_is_studied(tmp_path: Path) -> None:
    """Of mixed sizes and modes; what cannot be read, and what is there twice, is left out and told."""
    image = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    for kind in ("cats", "dogs"):
        (tmp_path / kind).mkdir()
        for i in range(140):
            picture = image.fromarray(rng.integers(0, 256, (16, 16 + i % 5), dtype=np.uint8))
            picture = picture.convert(("L", "RGB", "RGBA", "P")[i % 4])
            picture.save(tmp_path / kind / f"{i}.{'jpg' if picture.mode in ('L', 'RGB') and i % 3 else 'png'}")
    material: Material = material_of(str(tmp_path), 10, 0)
    assert material.first.shape == (30, 146)
    assert material.notes == ()
    cats, whole = tmp_path / "cats", (tmp_path / "cats" / "3.png").read_bytes()
    (cats / "again.png").write_bytes(whole)
    (cats / "cut.png").write_bytes(whole[:60])
    (cats / "page.jpg").write_text("<html>")
    (cats / "folder.png").mkdir()
    more = material_of(str(tmp_path), 10, 0)
    assert (more.first == material.first).all()
    assert more.notes == (
        "files left out that cannot be read as images: 2 (cut.png, page.jpg)",
        "images left out that look like another one at 12 by 12: 1",
    )
    with pytest.raises(ScalewiseError, match="280 different images are too few; 300 are needed for 20 pairs"):
        material_of(str(tmp_path), 20, 0)
    for path in (tmp_path / "dogs").iterdir():
        path.rename(cats / f"dog{path.name}")
    with pytest.raises(ScalewiseError, match=r"cannot be made from so few classes \(1\); a sub-folder is a class"):
        material_of(str(tmp_path), 15, 0)


@pytest.mark.parametrize("data", ["glyphs", "lines"])
def test_pairs_to_tune_on_are_others(data: str) -> None:
    tested, tuning = material_of(data, 20, 0).divided(15)
    assert [len(part.condition) for part in (tested, tuning)] == [45, 15]
    assert list(tuning.condition) == [c for c in CONDITIONS for _ in range(5)]
    items = [np.concatenate([part.first, part.second]) for part in (tested, tuning)]
    assert not {row.tobytes() for row in items[0]} & {row.tobytes() for row in items[1]}


def test_too_little_material_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScalewiseError, match="neither lines, glyphs, digits nor a folder"):
        material_of("faces", 20, 0)
    with pytest.raises(ScalewiseError, match="there are no images in it"):
        material_of(str(tmp_path), 20, 0)
    pytest.importorskip("sklearn")
    with pytest.raises(ScalewiseError, match="are needed for 400 pairs"):
        material_of("digits", 400, 0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Measured]:
    folder = tmp_path_factory.mktemp("recognition")
    return folder, run_recognition(TINY, folder)


@pytest.fixture(scope="module")
def measured(whole: tuple[Path, Measured]) -> tuple[Path, pl.DataFrame]:
    return whole[0], whole[1].trials.table


def test_swapped_roles_make_chance_exact_before_study(measured: tuple[Path, pl.DataFrame]) -> None:
    """Whatever an untrained model prefers, the other list prefers the opposite: no difficulty is left in the mean."""
    _, table = measured
    before = table.filter((pl.col("exposure") == 0) & (pl.col("rule") == "raw"))
    means = before.group_by("group", "condition").agg(pl.col("value").mean())["value"]
    assert means.len() == 6
    assert (means == 0.5).all()


def test_studying_leaves_a_trace_that_grows_and_fades() -> None:
    """Whichever list is studied, its loss falls below that of the other one, and other data undo some of it."""
    from scalewise.probes.recognition.study import Learner, shape_of, studied

    material = material_of("lines", 12, 0)
    learners = [Learner(seed=0, studies=side, rate=2.0**-8, start=None) for side in (0, 1)]
    looks = studied(shape_of(32, 1, material), material, learners, 12, 4, (40,)).looks
    assert [(look.exposure, look.updates) for look in looks] == [*((e, 0) for e in range(13)), (12, 40)]
    losses, later = np.stack([look.loss for look in looks[:-1]]), looks[-1].loss[None]
    margins = np.concatenate([losses[:, k, 1 - k] - losses[:, k, k] for k in (0, 1)], axis=1)
    assert (margins[0] == 0).all()  # a model begins with a uniform guess
    last = margins[-1]
    assert last.mean() > margins[1].mean() > 0
    assert last.mean() > 4 * last.std() / last.size**0.5
    faded = np.concatenate([later[0, k, 1 - k] - later[0, k, k] for k in (0, 1)])
    assert faded.mean() < last.mean()


def test_retention_and_tuning_are_recorded(measured: tuple[Path, pl.DataFrame]) -> None:
    folder, table = measured
    assert set(table["updates"].unique()) == {0, 5}
    assert len((folder / "tuning.jsonl").read_text().splitlines()) == 2
    runs = pl.read_csv(folder / "runs.csv")
    assert {"exposure", "accuracy", "se", "human", "params"} <= set(runs.columns)


def test_a_killed_measurement_goes_on_to_the_same_numbers(measured: tuple[Path, pl.DataFrame], tmp_path: Path) -> None:
    words = "--into X --data glyphs --sizes 16x1 --pairs 12 --exposures 6 --seeds 1 --pretrain-steps 30".replace(
        "X", str(tmp_path)
    )
    code = (
        "from scalewise.probes.recognition.suite import Measured, Plan, run_recognition; from pathlib import Path; "
        "run_recognition(Plan('glyphs', ((16, 1),), pairs=12, exposures=6, seeds=1, pretrain_steps=30, updates=(5,)), "
        f"Path({str(tmp_path)!r}))"
    )
    with subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 100
        while not any((tmp_path / "cells").glob("*.parquet")) and time.monotonic() < deadline:
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            time.sleep(0.02)
        process.kill()
    _, table = measured
    assert run_recognition(TINY, tmp_path).trials.table.equals(table)
    assert len((tmp_path / "tuning.jsonl").read_text().splitlines()) == 2  # what was tuned is not tuned again
    call = [sys.executable, "-m", "scalewise", "probe", "recognition", *words.split()]
    done = subprocess.run(call, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 2  # the command's plan has other updates
    assert "holds another measurement" in done.stderr


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match="name a folder"):
        run_recognition(TINY, tmp_path / "file")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--into", "x", "--losses", "y"), "give either --into DIR"),
        (("--into", "x", "--sizes", "16"), "write widths and depths like"),
        (("--into", "x", "--sizes", "20x1"), "a width is a multiple of 16"),
    ],
)
def test_slips_are_one_sentence(words: tuple[str, ...], message: str) -> None:
    call = [sys.executable, "-m", "scalewise", "probe", "recognition", *words]
    done = subprocess.run(call, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_answer_tells_recall_and_what_remembering_costs(whole: tuple[Path, Measured]) -> None:
    folder, measured = whole
    answer = recognition(measured.trials, HUMAN, "again", resamples=50, recalled=measured.recall, kept=measured.memory)
    recall = answer.finding("Recall")
    assert recall.columns[2:] == (
        "after_0",
        "after_1",
        "after_5",
        "after_6",
        "after_6_low",
        "after_6_high",
        "5_later",
        "whole",
    )
    assert [row[1] for row in recall.rows] == ["studied", "foils"] * 2
    costs = answer.finding("What remembering costs")
    table = [dict(zip(costs.columns, row, strict=True)) for row in costs.rows]
    assert [(row["kept_in"], row["exposures"]) for row in table[::2]] == [
        ("weights", 1),
        ("weights", 6),
        ("memory, float16", 1),
        ("memory, float32", 1),
    ]
    for row in table:
        above = 100 * (float(str(row["accuracy"])) - 0.5)
        assert row["points_per_kB"] == pytest.approx(above / float(str(row["kB"])))
    assert "After one exposure an external memory of" in answer.sentence
    assert sum(f"{group}, " in answer.sentence.lower() for group in ("pretrained", "from scratch")) == 2
    again = run_recognition(TINY, folder)  # from the folder: the same, milliseconds too
    assert again.memory.table.equals(measured.memory.table)
    assert again.recall.table.equals(measured.recall.table)
