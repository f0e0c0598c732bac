"""Data that a TFLite model keeps in other files, brought along with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from npulint.formats.data_files import data_file, is_in_place
from npulint.formats.flatbuffer_build import Table
from npulint.formats.onnx_external import ExternalFiles
from npulint.model import Storage

if TYPE_CHECKING:
    from pathlib import Path

    from npulint.formats.output import Files

_ALIGNMENT = 64
"""Of data that a runtime maps from a file of its own: more than any kernel asks for."""


def own_data_file(tree: Table, old: Path, new: Path, files: Files) -> Table:
    """Give a model that is written under another name a data file of its own.

    Args:
        tree: The `Model` table as it is to be written.
        old: Where the model was read from.
        new: Where it is written to.
        files: Takes the data file.

    Returns:
        The table, with its external buffers where they now are. Buffers that no tensor refers to
        are left out.
    """
    used = {
        tensor.fields.get("external_buffer", 0)
        for graph in tree.fields["subgraphs"]
        for tensor in graph.fields["tensors"]
    } - {0}
    if not used or is_in_place(old, new):
        return tree
    groups = [group.fields.get("name", "") for group in tree.fields["external_buffer_groups"]]
    finder, kept = ExternalFiles(old), []
    for table in tree.fields["external_buffers"]:
        fields: dict[str, Any] = {"offset": 0, "length": 0, "group": 0, **table.fields}
        if fields.get("id", 0) in used:
            stated = {
                "location": groups[fields["group"]],
                "offset": str(fields["offset"]),
                "length": str(fields["length"]),
            }
            what = f"external buffer {fields['id']}"
            kept.append((table, Storage(*finder.locate(stated, what, None))))
    taken = [old.with_name(group) for group in groups if group]
    file = files.create(data_file(new, taken))
    moved = []
    for table, storage in kept:
        file.align(_ALIGNMENT)
        moved.append(table.changed(group=0, offset=file.size))
        file.write(storage)
    group = Table("ExternalBufferGroup", {"name": file.path.name})
    return tree.changed(external_buffer_groups=[group], external_buffers=moved)
