"""archives.py FOLDER: the archives of release/archives have the program and .NET for their systems, and can be run on
this one."""

import io
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path

AMD64, ARM64 = 0x8664, 0x0100000C
# Program, a library of .NET, and what every archive has.
FILES = {"linux-x64": ("videosim", "libcoreclr.so"), "win-x64": ("videosim.exe", "coreclr.dll"), "osx-arm64": ("videosim", "libcoreclr.dylib")}
ALL = ("videosim.dll", "videosim.runtimeconfig.json", "VideoSim.Engine.dll", "VideoSim.Server.dll", "Microsoft.AspNetCore.dll", "Parquet.dll", "LICENSE", "README.md")


def kind(content):
    """The system that a program or library is for."""
    if content[:4] == b"\x7fELF" and content[4] == 2 and struct.unpack_from("<H", content, 18)[0] == 62:
        return "linux-x64"
    if content[:2] == b"MZ":
        header = struct.unpack_from("<I", content, 60)[0]
        return "win-x64" if content[header:header + 4] == b"PE\0\0" and struct.unpack_from("<H", content, header + 4)[0] == AMD64 else None
    if struct.unpack_from("<II", content) == (0xFEEDFACF, ARM64):
        return "osx-arm64"
    return None


def read(path):
    """(files by name, names of those that may be run)."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}, set()
    with tarfile.open(fileobj=io.BytesIO(path.read_bytes())) as archive:
        members = [member for member in archive if member.isfile()]
        return {member.name: archive.extractfile(member).read() for member in members}, {member.name for member in members if member.mode & 0o111}


def check(system, path):
    files, programs = read(path)
    program, library = FILES[system]
    if strange := [name for name in files if not name.startswith("videosim/") or ".." in name or name.endswith(".pdb")]:
        sys.exit(f"{path}: {strange}")
    if missing := [name for name in (program, library, *ALL) if f"videosim/{name}" not in files]:
        sys.exit(f"{path}: lacks {missing}")
    for name in (program, library):
        if kind(files[f"videosim/{name}"]) != system:
            sys.exit(f"{path}: {name} is not for {system}")
    # A library of another system would be dead weight.
    native = [name for name in files if name.endswith((".so", ".dylib")) or (name.endswith(".dll") and b"mscoree" not in files[name] and b"BSJB" not in files[name])]
    if other := [name for name in native if kind(files[name]) != system]:
        sys.exit(f"{path}: not for {system}: {other}")
    if system != "win-x64" and f"videosim/{program}" not in programs:
        sys.exit(f"{path}: {program} may not be run")
    print(f"{path}: {len(files)} files, {len(native)} native libraries, {path.stat().st_size / 1e6:.1f} MB")


def main(folder):
    for system in FILES:
        check(system, folder / f"videosim-{system}.{'zip' if system.startswith('win') else 'tar.gz'}")
    with tempfile.TemporaryDirectory() as work:
        subprocess.run(["tar", "-C", work, "-xzf", folder / "videosim-linux-x64.tar.gz"], check=True)
        subprocess.run([f"{work}/videosim/videosim", "devices"], check=True, env={"PATH": "/nowhere", "HOME": work})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
