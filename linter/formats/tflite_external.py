"""Tensor data that a TFLite model keeps in other files (schema 3d)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from npulint.formats.onnx_external import ExternalFiles

if TYPE_CHECKING:
    from npulint.formats.flatbuffer import FlatBuffer, Row


class ExternalBuffers:
    """The external buffers of a model, each checked when a tensor first refers to it.

    They are no constants: the runtime gives such a tensor memory of its own and fills it before
    the first run, so that a delegate sees a tensor like any other
    (tflite/core/interpreter_builder.cc, ParseTensors: SetTensorParametersReadWrite).
    """

    def __init__(self, file: FlatBuffer, root: Row) -> None:
        self._file = file
        self._root = root
        self._rows: dict[int, Row] | None = None
        self._files = ExternalFiles(file.path)
        self._lengths: dict[int, int] = {}

    def require(self, identity: int, where: str, position: int) -> None:
        """Check that the data of a tensor is there.

        Args:
            identity: The external buffer's number, as the tensor states it.
            where: The tensor, for error messages.
            position: Its place in the file, for error messages.

        Raises:
            ModelFileError: The model does not list the buffer, or its file is missing, lies
                outside the model's folder or is too short.
        """
        if identity in self._lengths:
            return
        row = self._listed().get(identity)
        groups = self._root["external_buffer_groups"] or ()
        if row is None or row["group"] >= len(groups):
            self._file.fail(
                f"{where} keeps its data in external buffer {identity}, which the model does not "
                "list with a file",
                position,
            )
        name = self._file.row("ExternalBufferGroup", groups[row["group"]])["name"] or ""
        stated = {"location": name, "offset": str(row["offset"]), "length": str(row["length"])}
        self._files.locate(stated, where, None)
        self._lengths[identity] = row["length"]

    def stored_bytes(self) -> int:
        """Bytes of all external buffers that tensors refer to."""
        return sum(self._lengths.values())

    def _listed(self) -> dict[int, Row]:
        if self._rows is None:
            rows = [
                self._file.row("ExternalBuffer", position)
                for position in self._root["external_buffers"] or ()
            ]
            self._rows = {row["id"]: row for row in rows}
        return self._rows
