"""The process that infers shapes: a ModelProto on standard input, the inferred one on output.

Run as a script with nothing but the interpreter's own library; its arguments are the file of
onnx's extension module and the seconds of processor time it may take. Any exit code but 0 means
that there is no result.
"""

import sys
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_file_location

MEMORY = 4 << 30
NAME = "onnx.onnx_cpp2py_export"


def limit(seconds: int) -> None:
    """Bound memory and time where the system can, and leave no core file."""
    try:
        import resource
    except ImportError:
        return
    bounds = {
        resource.RLIMIT_AS: MEMORY,
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_CORE: 0,
    }
    for kind, wanted in bounds.items():
        hard = resource.getrlimit(kind)[1]
        bound = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(kind, (bound, hard))


def main() -> None:
    """Infer once."""
    path, seconds = sys.argv[1:]
    limit(int(seconds))
    loader = ExtensionFileLoader(NAME, path)
    spec = spec_from_file_location(NAME, path, loader=loader)
    if spec is None:
        sys.exit(1)
    extension = module_from_spec(spec)
    loader.exec_module(extension)
    model = sys.stdin.buffer.read()
    sys.stdout.buffer.write(extension.shape_inference.infer_shapes(model, False, False, True))


if __name__ == "__main__":
    main()
