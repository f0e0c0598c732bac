"""What is paired with what, and what models are run on."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from npulint.errors import UsageError
from npulint.verification import pairing
from npulint.verification.records import ChannelOrder, Pair, Port, Settings
from npulint.verification.samples import recipes, resolve

Dialects = tuple[Literal["onnx", "tflite"], Literal["onnx", "tflite"]]

CROSS: Dialects = ("onnx", "tflite")
BACK: Dialects = ("tflite", "onnx")
ALIKE: Dialects = ("onnx", "onnx")


def port(name: str, *shape: int | str | None, dtype: str = "float32") -> Port:
    return Port(name, (name, f"serving_default_{name}:0"), dtype, shape)


def pair_of(a: Port, b: Port | None = None, layout: ChannelOrder = "same") -> Pair:
    return Pair(a, b or a, "name", layout)


@pytest.mark.parametrize(
    ("a", "b", "dialects", "wanted"),
    [
        ((1, 3, 8, 9), (1, 8, 9, 3), CROSS, "nchw-nhwc"),
        ((1, 8, 9, 3), (1, 3, 8, 9), BACK, "nhwc-nchw"),
        ((1, 8, 9, 3), (1, 8, 9, 3), CROSS, "same"),
        ((1, 3, 8, 9), (1, 8, 9, 3), ALIKE, "nchw-nhwc"),
        ((1, 4, 4, 4), (1, 4, 4, 4), ALIKE, "same"),
        ((1, 3, 5, 8, 9), (1, 5, 8, 9, 3), CROSS, "nchw-nhwc"),
        ((1, 3, 9), (1, 9, 3), CROSS, "nchw-nhwc"),
        ((7, 9), (7, 9), CROSS, "same"),
        ((), (), CROSS, "same"),
        (("n", 3, "h", "w"), (None, None, None, 3), CROSS, "nchw-nhwc"),
        ((1, 3, None, None), (1, None, None, 3), CROSS, "nchw-nhwc"),
        ((1, 2, 1, 1), (1, 1, 1, 2), CROSS, "nchw-nhwc"),
    ],
)
def test_layouts_are_told_by_sizes(
    a: tuple[Any, ...], b: tuple[Any, ...], dialects: Dialects, wanted: str
) -> None:
    assert pairing.layout(port("x"), (a, b), dialects, None) == wanted


@pytest.mark.parametrize(
    ("a", "b"),
    [((1, 4, 4, 4), (1, 4, 4, 4)), ((1, None, None, None), (1, None, None, None))],
)
def test_an_ambiguous_layout_is_asked_for(a: tuple[Any, ...], b: tuple[Any, ...]) -> None:
    told = r"^'x' is .* which can be read as same or as nchw-nhwc; say which with --layout x=same$"
    with pytest.raises(UsageError, match=told):
        pairing.layout(port("x"), (a, b), CROSS, None)
    assert pairing.layout(port("x"), (a, b), CROSS, "nchw-nhwc") == "nchw-nhwc"


@pytest.mark.parametrize(
    ("a", "b", "chosen"),
    [
        ((1, 3, 8, 9), (1, 3, 9, 8), None),
        ((1, 3, 8, 9), (3, 8, 9), None),
        ((1, 3, 8, 9), (1, 8, 9, 3), "same"),
        ((1, 8, 9, 3), (1, 3, 8, 9), "nchw-nhwc"),
    ],
)
def test_sizes_that_do_not_agree(
    a: tuple[Any, ...], b: tuple[Any, ...], chosen: ChannelOrder | None
) -> None:
    with pytest.raises(UsageError, match="which do not agree"):
        pairing.layout(port("x"), (a, b), CROSS, chosen)


@pytest.mark.parametrize("order", ["same", "nchw-nhwc", "nhwc-nchw"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 3), (2, 3, 4), (2, 3, 4, 5), (2, 3, 4, 5, 6)])
def test_there_and_back(order: ChannelOrder, shape: tuple[int, ...]) -> None:
    array = np.arange(np.prod(shape, dtype=int)).reshape(shape)
    there = pairing.to_b(array, order)
    assert there.shape == pairing.arrange(shape, order)
    assert np.array_equal(pairing.to_a(there, order), array)


def test_channels_go_where_the_layout_says() -> None:
    array = np.arange(2 * 3 * 4).reshape(1, 2, 3, 4)
    assert pairing.to_b(array, "nchw-nhwc")[0, 2, 3, 1] == array[0, 1, 2, 3]
    assert pairing.to_b(array, "nhwc-nchw")[0, 3, 1, 2] == array[0, 1, 2, 3]


def pairs(a: list[Port], b: list[Port], **mapping: str) -> list[tuple[str, str, str]]:
    found = pairing.pair(a, b, "input", mapping)
    return [(ours.name, theirs.name, how) for ours, theirs, how in found]


def test_names_come_before_order() -> None:
    a, b = [port("p"), port("q"), port("r")], [port("q"), port("s"), port("p")]
    assert pairs(a, b) == [("p", "p", "name"), ("q", "q", "name"), ("r", "s", "order")]


def test_other_names_are_paired_too() -> None:
    a, b = [Port("x", ("x",), "float32", ())], [Port(0, ("args_0", "x"), "float32", ())]
    assert pairs(a, b) == [("x", "args_0", "name")]


def test_the_mapping_comes_before_names() -> None:
    a, b = [port("p"), port("q")], [port("p"), port("q")]
    assert pairs(a, b, p="q") == [("p", "q", "map"), ("q", "p", "order")]


@pytest.mark.parametrize(
    ("a", "b", "mapping", "told"),
    [
        (["p"], ["p", "q"], {}, r"A has 1 inputs \('p'\) and B has 2 \('p', 'q'\)"),
        (["p"], ["p"], {"p": "z"}, r"--map p=z: B has no input 'z'; it has 'p'"),
        (["p", "q"], ["p", "q"], {"p": "p", "q": "p"}, "--map gives one input of B to two of A"),
    ],
)
def test_what_cannot_be_paired(
    a: list[str], b: list[str], mapping: dict[str, str], told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        pairs([port(name) for name in a], [port(name) for name in b], **mapping)


@pytest.mark.parametrize(("one", "other"), [("float32", "int8"), ("bool", "int32")])
def test_types_that_are_not_compared(one: str, other: str) -> None:
    with pytest.raises(UsageError, match=f"{one} in A and 'x' is {other} in B"):
        pairing.check_types(port("x", dtype=one), port("x", dtype=other), "input")


FREE = port("x", "n", 3, "h", "w")


def test_free_sizes_are_run_twice() -> None:
    assert resolve([pair_of(FREE)], {}) == [((1, 3, 64, 96),), ((2, 3, 96, 64),)]


def test_one_symbol_has_one_size() -> None:
    both = [pair_of(FREE), pair_of(port("y", "n", 1, "w", "h"))]
    assert resolve(both, {})[0] == ((1, 3, 64, 96), (1, 1, 96, 64))
    asked = {"x": ((4, 3, 7, 5),)}
    assert resolve(both, asked) == [((4, 3, 7, 5), (4, 1, 5, 7))]


def test_sizes_fixed_in_b_alone_are_taken() -> None:
    theirs = port("x", 1, 32, 48, 3)
    assert resolve([pair_of(FREE, theirs, "nchw-nhwc")], {}) == [((1, 3, 32, 48),)]


def test_sizes_go_together_in_turn() -> None:
    both = [pair_of(FREE), pair_of(port("y", None, 2))]
    asked = {"x": ((1, 3, 8, 8), (1, 3, 9, 9)), "serving_default_y:0": ((5, 2),)}
    assert resolve(both, asked) == [((1, 3, 8, 8), (5, 2)), ((1, 3, 9, 9), (5, 2))]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"z": ((1,),)}, "--input-shape z: A has no such input; it has 'x', 'y'"),
        ({"x": ((1, 3, 8),)}, "--input-shape x=1x3x8: this input is nx3xhxw, with 4 sizes"),
        ({"x": ((1, 3, 8, 8),) * 2, "y": ((1, 2),) * 3}, "as many shapes as the others"),
    ],
)
def test_sizes_that_do_not_fit(asked: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        resolve([pair_of(FREE), pair_of(port("y", None, 2))], asked)


DEFAULTS = Settings()


def made(pair: Pair, settings: Settings = DEFAULTS) -> dict[str, np.ndarray]:
    return {each.name: each.make([pair])[0] for each in recipes([pair], settings)}


def test_random_and_edge_inputs_of_floats() -> None:
    found = made(pair_of(port("x", 4, 500)))
    assert list(found) == [
        "random 1 in [0, 1)", "random 2 in [-1, 1)", "random 3 in [0, 255)",
        "zeros", "ones", "extremes", "alternating",
    ]  # fmt: skip
    assert all(array.dtype == np.float32 for array in found.values())
    for name, low, high in zip(list(found)[:3], (0, -1, 0), (1, 1, 255), strict=True):
        assert low <= found[name].min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < found[name].max() <= high
    assert set(np.unique(found["extremes"])) == {-255, 255}
    assert found["alternating"].ravel()[:4].tolist() == [1, -1, 1, -1]
    assert not found["zeros"].any()
    assert (found["ones"] == 1).all()


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("int8", -128, 127), ("uint8", 0, 255), ("int32", 0, 7), ("int64", 0, 7), ("bool", 0, 1)],
)
def test_ranges_go_by_type(dtype: str, low: int, high: int) -> None:
    found = made(pair_of(port("x", 9000, dtype=dtype)))
    for name in ("random 1 in [0, 1)", "extremes", "alternating"):
        assert (found[name].dtype, found[name].min(), found[name].max()) == (dtype, low, high)


def test_both_types_hold_what_is_drawn() -> None:
    pair = pair_of(port("x", 9000, dtype="uint8"), port("x", 9000, dtype="int8"))
    for array in made(pair).values():
        assert (array.min() >= 0) & (array.max() <= 127)


def test_the_seed_decides() -> None:
    pair = pair_of(port("x", 50))
    one, again, other = (made(pair, Settings(seed=seed, runs=2)) for seed in (5, 5, 6))
    assert all(np.array_equal(one[name], again[name]) for name in one)
    assert not np.array_equal(one["random 1 in [0, 1)"], other["random 1 in [0, 1)"])
    two = [recipe.make([pair, pair]) for recipe in recipes([pair, pair], Settings())]
    assert not np.array_equal(*two[0])


def test_hostile_sizes_are_refused() -> None:
    with pytest.raises(UsageError, match="at most"):
        recipes([pair_of(port("x", 1 << 20, 1 << 20))], Settings())


def test_nothing_to_run() -> None:
    with pytest.raises(UsageError, match="nothing to run"):
        recipes([pair_of(port("x", 2))], Settings(runs=0, edge=False))


IMAGE = pair_of(port("x", 1, None, 4))


def given(folder: Path, **arrays: Any) -> Path:
    path = folder / "given.npz"
    np.savez(path, **arrays)
    return path


def test_given_inputs_come_alone(tmp_path: Path) -> None:
    wanted = np.random.default_rng(0).random((1, 5, 4))
    path = given(tmp_path, x=wanted)
    found = made(IMAGE, Settings(given=(path, {"serving_default_x:0": wanted[:, :2]})))
    assert list(found) == ["given.npz", "given 2"]
    assert np.array_equal(found["given.npz"], wanted.astype(np.float32))
    assert found["given 2"].shape == (1, 2, 4)
    more = made(pair_of(port("x", 1, 5, 4)), Settings(given=(path,), runs=1, edge=True))
    assert len(more) == 1 + 1 + 4


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"z": np.zeros((1, 5, 4))}, "the model has no input 'z'; it has 'x'"),
        ({"x": np.zeros((1, 5, 3))}, r"'x' is 1x5x3; the model takes 1x\?x4"),
        ({"x": np.zeros((5, 4))}, r"'x' is 5x4; the model takes 1x\?x4"),
        ({}, "has nothing for input 'x'"),
        ({"x": np.full((1, 5, 4), 1e300)}, "float64 elements that float32 cannot hold"),
        ({"x": np.zeros((1, 5, 4), complex)}, "'x' is complex128; the model takes float32"),
        ({"x": np.full((1, 5, 4), "a")}, "'x' is <U1; the model takes float32"),
        (
            {"x": np.zeros((1, 5, 4)), "serving_default_x:0": np.zeros((1, 5, 4))},
            "gives input 'x' twice",
        ),
    ],
)
def test_given_inputs_that_do_not_fit(arrays: dict[str, Any], told: str, tmp_path: Path) -> None:
    for source in (given(tmp_path, **arrays), arrays):
        with pytest.raises(UsageError, match=told):
            recipes([IMAGE], Settings(given=(source,)))


def test_whole_numbers_survive_or_are_refused(tmp_path: Path) -> None:
    pair = pair_of(port("x", 3, dtype="int8"))
    fitting = Settings(given=(given(tmp_path, x=np.array([-128, 0, 127])),))
    assert made(pair, fitting)["given.npz"].tolist() == [-128, 0, 127]
    for values in ([0, 0, 128], [0.5, 0, 0]):
        with pytest.raises(UsageError, match="int8 cannot hold"):
            recipes([pair], Settings(given=(given(tmp_path, x=np.array(values)),)))


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    path = tmp_path / "given.npz"
    np.savez(path, x=np.array([[[{"a": 1}]]], dtype=object))
    with pytest.raises(UsageError, match="'x' is object; the model takes float32"):
        recipes([pair_of(port("x", 1, 1, 1))], Settings(given=(path,)))
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", pickle.dumps([1, 2, 3]))
    with pytest.raises(UsageError, match=r"is no \.npz file of plain arrays"):
        recipes([pair_of(port("x", 3))], Settings(given=(path,)))


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04" + b"\0" * 40])
def test_what_is_no_npz_file(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "given.npz"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"given\.npz: is no \.npz file of plain arrays"):
        recipes([IMAGE], Settings(given=(path,)))


def test_a_truncated_npz_file(tmp_path: Path) -> None:
    path = given(tmp_path, x=np.random.default_rng(0).random((1, 500, 4)))
    content = bytearray(path.read_bytes())
    content[5000] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"is no \.npz file"):
        recipes([IMAGE], Settings(given=(path,)))


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        recipes([IMAGE], Settings(given=(tmp_path / "none.npz",)))


@pytest.mark.parametrize("rows", [1 << 29, 1 << 50])
def test_a_huge_array_is_refused_before_it_is_read(rows: int, tmp_path: Path) -> None:
    head = f"{{'descr': '<f4', 'fortran_order': False, 'shape': (1, {rows}, 4), }}".encode()
    path = tmp_path / "given.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("x.npy", b"\x93NUMPY\x01\0" + len(head).to_bytes(2, "little") + head)
    with pytest.raises(UsageError, match="bytes; at most 4294967296 are read"):
        recipes([IMAGE], Settings(given=(path,)))
