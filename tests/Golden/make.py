"""Writes every golden file, after checking the code that makes them.

    python3 make.py            write the files
    python3 make.py --check    write nothing; say which files on disk differ from what would be written
"""

import argparse
import os
import sys
from pathlib import Path

# One thread and the plainest code path, set before torch is loaded: sums run in the same order everywhere.
os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "default"})
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

import torch  # noqa: E402

import checks  # noqa: E402
from adam.cases import CASES as ADAM  # noqa: E402
from blocks.cases import CASES as BLOCKS  # noqa: E402
from mix.cases import CASES as MIX  # noqa: E402
from named_tensors import to_bytes  # noqa: E402
from uniter.cases import CASES as UNITER  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the files on disk")
    only_check = parser.parse_args().check
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    checks.run()
    differing = 0
    for name, case in {**MIX, **UNITER, **BLOCKS, **ADAM}.items():
        path = HERE / f"{name}.safetensors"
        content = to_bytes(*case())
        if only_check:
            same = path.exists() and path.read_bytes() == content
            differing += not same
            print(f"{'same   ' if same else 'DIFFERS'}  {name}")
        else:
            path.write_bytes(content)
            print(f"{len(content):>9,} bytes  {name}")
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
