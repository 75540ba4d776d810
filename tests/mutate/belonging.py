"""Which tests belong to a line of src. The tests that most likely notice a change come first, all others last."""

import fnmatch
import re

# Test projects that use a room, the nearest first.
ROOMS = {
    "Kernels": ["Kernels", "Engine", "Models", "Cli"],
    "Engine": ["Engine", "Kernels", "Models", "Cli"],
    "Models": ["Models", "Cli"],
    "Pretrained.Hdf5": ["Models", "Cli"],
    "Import.Parquet": ["Cli"],
    "Server": ["Cli"],
    "Search.USearch": ["Cli"],
    "Onnx": ["Oracles", "Cli"],
    "TensorBoard": ["Cli"],
    "Cli": ["Cli"],
    "Emulator": ["Engine", "Models", "Cli"],
    "PtxMachine": ["PtxMachine", "Cli"],
}

# Path of a file, test project, names of tests. "*" at the beginning and at the end is any text. {1} is a group of the
# path. {entry} is the first part of the name of a kernel that the file's folder defines. Rows are tried in this order.
ROWS = [
    (r"src/(\w+)/(?:.*/)?(\w+?)(?:Command)?\.\w+$", "{1}", ["*.{2}Tests.*"]),
    (r"src/Kernels/(\w+)/.*\.cs$", "Kernels", ['*(entry: "{entry}*']),
    (r"src/Kernels/.*\.cs$", "Kernels", ["VideoSim.Kernels.Tests.*"]),
    (r"src/Kernels/Common/.*\.cuh$", "Engine", ["*.RunGateTests.*"]),
    (r"src/Kernels/(\w+)/", "Engine", ['*(entry: "{entry}*', "*.Operators.{1}*"]),
    (r"src/Kernels/", "Engine", ["*.Operators.*", "*.Golden.*"]),
    (r"src/Emulator/", "Engine", ["*.Cuda.EmulatorTests.*", "*.Cuda.Cuda*", "*.Cuda.BankConflictTests.*", "*.Cuda.TensorCoreTests.*", "*.Cuda.MatMulTests.*"]),
    (r"src/Engine/(Interop|Devices/Cuda|Checks/Cuda|Compilation/Emulator)", "Engine", ["*.Cuda.Cuda*", "*.Cuda.MatMulTests.*", "*.Cuda.LibraryFoldersTests.*"]),
    (r"src/(Engine|Models|Cli)/(\w+)/", "{1}", ["VideoSim.{1}.Tests.{2}.*"]),
    (r"src/Engine/(Autograd|Operators|Optimizers|Layers)/", "Engine", ["*.Golden.*", "*.Autograd.*"]),
    (r"src/Engine/(Operators|Optimizers|Devices)/", "Models", ["*.KernelFloorTests.*"]),
    (r"src/Engine/Layers/", "Models", ["*.Architectures.*", "*.Encoders.*"]),
    (r"src/Models/(Layers|Encoders|Architectures|Zoo|Configuration)/", "Models", ["*.Architectures.*", "*.Encoders.*", "*.Configuration.*"]),
    (r"src/(Models/Pretrained|Pretrained\.Hdf5)/", "Models", ["*.Pretrained.*"]),
    (r"src/Models/(Zoo|Checkpoints|Batches|Datasets|Records|Recipes)/", "Models", ["*.Training.*", "*.Configuration.*"]),
    (r"src/Models/Recipes/", "Models", ["*.KernelFloorTests.*"]),
    (r"src/Onnx/", "Oracles", ["*.Embeddings_OfOddSizes_AreOurs*"]),
    (r"src/Onnx/", "Cli", ["*.ExportTests.*"]),
    (r"src/Models/Reproduction/", "Cli", ["*.ReproduceTests.*"]),
    (r"src/Models/Profiling/", "Cli", ["*.BenchTests.*", "*.KernelsTests.*"]),
    (r"src/Models/Inspection/", "Cli", ["*.InspectTests.*"]),
    (r"src/Models/(Training|Checkpoints)/", "Cli", ["*.OwnSizesTests.*", "*.FoldsAndEnsembleTests.*", "*.BadInputTests.*", "*.ReproduceTests.*"]),
    (r"src/(Models/(Datasets|Records|Submissions|Text)|Cli)/", "Cli", ["*.BadInputTests.*", "*.BadRecordTests.*"]),
]

LITERAL = re.compile(r'"([a-z][a-z0-9_]{3,})')


def entries_of(path, files, entries):
    """First parts of names of kernels that the C# files of a kernel's folder define, if tests are named after them."""
    folder = path.rsplit("/", 1)[0] + "/"
    begins = {name for other, text in files.items() if other.startswith(folder) and other.endswith(".cs") for name in LITERAL.findall(text)}
    return sorted(name for name in begins if any(entry.startswith(name) for entry in entries))


def stages(path, files, tests):
    """Runs of tests for a change of a file, in order: (project, patterns of names). No pattern means all tests.
    `tests` has the names of all tests by project. Rows of the table that match no test are left out."""
    entries = {match[1] for names in tests.values() for name in names if (match := re.search(r'\(entry: "(\w+)"', name))}
    runs = []
    for pattern, project, names in ROWS:
        match = re.match(pattern, path)
        if not match:
            continue
        room = fill(project, match)
        wanted = []
        for name in names:
            wanted += [fill(name, match, entry) for entry in entries_of(path, files, entries)] if "{entry}" in name else [fill(name, match)]
        wanted = [name for name in wanted if any(fnmatch.fnmatchcase(test, name.replace("[", "[[]")) for test in tests.get(room, []))]
        if wanted and (room, wanted) not in runs:
            runs.append((room, wanted))
    return runs + [(project, []) for project in ROOMS[path.split("/")[1]]]


def fill(text, match, entry=""):
    for i, group in enumerate(match.groups(), 1):
        text = text.replace(f"{{{i}}}", group or "")
    return text.replace("{entry}", entry)
