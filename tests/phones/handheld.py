"""What runs on the phone of the tests: small tools in place of Android's, and a benchmark_model."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

from tests.phones.device_side import Phone

FACTS = {
    "ro.product.manufacturer": "Utah",
    "ro.product.model": "Teapot 4",
    "ro.build.version.release": "13",
    "ro.build.version.sdk": "33",
    "ro.soc.model": "TP8450",
    "ro.board.platform": "kettle",
    "ro.product.cpu.abi": "arm64-v8a",
    "ro.build.fingerprint": "utah/teapot/teapot:13/T.1/1:user/release-keys",
}

TOOLS = {
    "getprop": 'if [ -f "$PHONE/props/$1" ]; then cat "$PHONE/props/$1"; fi; echo',
    "setprop": 'printf %s "$2" > "$PHONE/props/$1"',
    "logcat": 'cat "$PHONE/logcat"',
    "dumpsys": (
        'case $1 in thermalservice) echo "IsStatusOverride: false"; echo "Thermal Status: '
        '$(cat "$PHONE/heat")" ;; battery) echo "  temperature: 305" ;; esac'
    ),
}

BENCHMARK = '''\
    #!{python}
    """A benchmark_model of the tests: it says what TFLite's says, and runs nothing."""
    import os, pathlib, signal, sys, time

    phone = pathlib.Path(os.environ["PHONE"])
    given = dict(each[2:].split("=", 1) for each in sys.argv[1:])
    with (phone / "commands").open("a") as stream:
        print(" ".join(sys.argv[1:]), os.environ.get("LD_LIBRARY_PATH", ""), file=stream)
    conduct = (phone / "conduct").read_text().split()
    nodes = [line.split() for line in (phone / "nodes").read_text().splitlines()]
    accelerator = given.get("nnapi_accelerator_name", "")
    names = ["tp-npu", "tp-gpu", "nnapi-reference"]

    def say(*words):
        print("INFO:", *words, flush=True)

    say("STARTING!")
    say("Graph: [" + given["graph"] + "]")
    if not pathlib.Path(given["graph"]).is_file():
        print("ERROR: Failed to load model " + given["graph"])
        sys.exit(1)
    left = []
    if "use_nnapi" in given:
        say("Use NNAPI: [1]")
        say("NNAPI accelerator name: [" + accelerator + "]")
        say("Disable NNAPI cpu: [1]")
        if "nameless" not in conduct:
            say("NNAPI accelerators available: [" + ",".join(names) + "]")
        if accelerator and accelerator not in names:
            known = "" if "nameless" in conduct else ",".join(names)
            print("ERROR: Could not find the specified NNAPI accelerator: " + accelerator
                  + ". Must be one of: {{" + known + "}}.")
            print("ERROR: Failed to apply NNAPI delegate.")
            print("ERROR: Benchmarking failed.")
            sys.exit(1)
        left = [index for index, (op,) in enumerate(nodes) if op == "DEPTH_TO_SPACE"]
        kernel = "TfLiteNnapiDelegate"
    elif "use_gpu" in given:
        kernel = "TfLiteGpuDelegateV2"
    elif "external_delegate_path" in given or "use_hexagon" in given:
        kernel = "TfLiteSomeDelegate"
        libraries = pathlib.Path(os.environ["LD_LIBRARY_PATH"]).glob("*.so")
        say("Library: [" + ",".join(sorted(path.name for path in libraries)) + "]")
    else:
        kernel = "TfLiteXNNPackDelegate"
    taken = len(nodes) - len(left)
    print(f"VERBOSE: Replacing {{taken}} out of {{len(nodes)}} node(s) with delegate "
          f"({{kernel}}) node, yielding 1 partitions for the whole graph.")
    if "refuses" in conduct:
        print("ERROR: NN API returned error ANEURALNETWORKS_OP_FAILED at line 3779 while "
              "completing NNAPI compilation.")
        print("ERROR: Benchmarking failed.")
        sys.exit(1)
    if "crashes" in conduct:
        os.kill(os.getpid(), signal.SIGSEGV)
    if "hangs" in conduct:
        (phone / "hanging").write_text(str(os.getpid()))
        time.sleep(120)
    if "leaves" in conduct:
        say("nothing works")
        sys.exit(7)
    profiled = "enable_op_profiling" in given
    if (phone / "props/debug.nn.vlog").read_text() == "1":
        with (phone / "logcat").open("w") as log:
            for index, (op,) in enumerate(nodes):
                if index not in left:
                    print(f"08-17 21:47:49.162 {{os.getpid()}} {{os.getpid()}} I ExecutionPlan: "
                          f"ModelBuilder::findBestDeviceForEachOperation({{op}}:{{index}}) = 0 "
                          f"({{accelerator}})", file=log)
                else:
                    print(f"08-17 21:47:49.162 {{os.getpid()}} {{os.getpid()}} I ExecutionPlan: "
                          f"Device {{accelerator}} can't do operation {{op}}:{{index}}", file=log)
    say("Initialized session in 66.002ms.")
    say("Running benchmark for at least 1 iterations and at least 0.5 seconds")
    say("count=1 curr=637079")
    say("Running benchmark for at least", given["num_runs"], "iterations")
    say("count=" + given["num_runs"], "first=2531 curr=2793 min=1171 max=9925 avg=1885.74 std=870")
    say("Inference timings in us: Init: 66002, First inference: 637079, Warmup (avg): 637079, "
        "Inference (avg): 1885.74")
    say("Memory footprint delta from the start of the tool (MB): init=7.4 overall=7.8")
    if profiled:
        say("Operator-wise Profiling Info for Regular Benchmark Runs:")
        print("\\t[node type]\\t[first]\\t[avg ms]\\t[%]\\t[cdf%]\\t[mem KB]"
              "\\t[times called]\\t[Name]")
        rows = [(kernel, len(nodes))] + [(nodes[index][0], index) for index in left]
        for op, index in rows:
            print(f"\\t{{op}}\\t0.1\\t0.2\\t50.0%\\t50.0%\\t0.0\\t1\\t[x]:{{index}}")
    mute = "mute" in conduct or ("mute-cpu" in conduct and kernel == "TfLiteXNNPackDelegate")
    if "output_filepath" in given and not mute:
        for each in given["input_layer_value_files"].split(","):
            pathlib.Path(each.rsplit(":", 1)[1]).read_bytes()
        pathlib.Path(given["output_filepath"]).write_bytes((phone / "outputs.bin").read_bytes())
'''


def furnish(phone: Phone, ops: list[str]) -> Path:
    """Put tools on a phone, and write the benchmark_model that is to be sent to it."""
    tools = phone.folder / "bin"
    tools.mkdir()
    for name, script in TOOLS.items():
        path = tools / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
    (phone.folder / "props").mkdir()
    for name, value in {**FACTS, "debug.nn.vlog": "8"}.items():
        (phone.folder / "props" / name).write_text(value, encoding="utf-8")
    (phone.folder / "nodes").write_text("\n".join(ops), encoding="utf-8")
    (phone.folder / "heat").write_text("1", encoding="utf-8")
    conduct(phone)
    benchmark = phone.folder / "benchmark for tests"
    benchmark.write_text(dedent(BENCHMARK).format(python=sys.executable), encoding="utf-8")
    return benchmark


def conduct(phone: Phone, *words: str) -> None:
    """How the phone's benchmark_model is to behave."""
    (phone.folder / "conduct").write_text(" ".join(words), encoding="utf-8")
