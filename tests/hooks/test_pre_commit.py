"""The hooks, with git and pre-commit in a fresh repository."""

from __future__ import annotations

from conftest import EXPORTS, Repository

POINTER = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
    "size 12345\n"
)


def test_a_life_with_the_hook(user: Repository) -> None:
    # A bad model is stopped.
    user.add(EXPORTS / "unet_small.tflite", "unet.tflite")
    said = user.commit(code=1)
    assert "npulint check" in said
    assert "the feature level must be at least NNAPI 1.2; found NNAPI 1.1" in said
    assert user.git("log", "--oneline").count("\n") == 1

    # The fixing hook rewrites it, and so stops once; what it wrote passes.
    before = (user.folder / "unet.tflite").read_bytes()
    said = user.pre_commit("run", "npulint-fix", "--hook-stage", "manual", code=1)
    assert "files were modified by this hook" in said
    assert (user.folder / "unet.tflite").read_bytes() != before
    user.git("add", "unet.tflite")
    user.pre_commit("run", "npulint-fix", "--hook-stage", "manual")
    assert "Passed" in user.commit()

    # A good model passes, and only what changes is read: the first one is broken meanwhile.
    (user.folder / "unet.tflite").write_bytes(b"no model any more")
    user.add(EXPORTS / "smallnet.onnx", "smallnet.onnx")
    assert "Passed" in user.commit()
    user.git("checkout", "--", "unet.tflite")

    # A pointer is named, and stops.
    user.add(POINTER, "large.onnx")
    said = user.commit(code=1)
    assert "large.onnx: is a Git LFS pointer" in said
    assert "git lfs pull" in said
    user.git("reset", "--quiet", "large.onnx")
    (user.folder / "large.onnx").unlink()

    # A deleted model is no longer asked about.
    user.git("rm", "--quiet", "unet.tflite")
    assert "Skipped" in user.commit()

    # Nothing to say of files of other kinds.
    user.add("notes", "notes.txt")
    assert "Skipped" in user.commit()
    user.pre_commit("run", "--all-files")
