"""A clone of the repository in which one line at a time is changed, built and tested."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

PROJECTS = ["Kernels", "Engine", "Models", "Cli", "Oracles"]

# Only errors of the compiler count here. The analyzers check style, and a warning does not refuse a change.
BUILD = ["-c", "Release", "--no-restore", "-v", "quiet", "-nologo", "-p:RunAnalyzers=false", "-p:EnforceCodeStyleInBuild=false", "-p:TreatWarningsAsErrors=false"]

# Output of tests when g++ or NVRTC refuses a kernel or the emulator.
REFUSED = ("the emulator could not be built", " does not compile for ")


class Refused(Exception):
    """A compiler refused the change."""


def link_or_copy(source, target):
    try:
        os.link(source, target)
    except OSError:  # on another file system
        shutil.copy2(source, target)


def folder_of(project):
    return "tests/Oracles" if project == "Oracles" else f"tests/{project}.Tests"


class Tree:
    """The clone. It has a copy of the caller's caches of the emulator and of NVRTC; the caches do not change."""

    def __init__(self, root, folder, commit):
        self.path, self.cache, self.log = folder / "tree", folder / "cache", folder / "last-run.log"
        nvrtc = os.environ.get("VIDEOSIM_CUDA_PATH") or root / "artifacts" / "nvrtc"
        known = Path(os.environ.get("XDG_CACHE_HOME") or root / "artifacts" / "cache") / "videosim"
        self.environment = {**os.environ, "XDG_CACHE_HOME": str(self.cache), "VIDEOSIM_CUDA_PATH": str(nvrtc)}
        if not self.path.exists():
            subprocess.run(["git", "clone", "-q", "--no-checkout", root, self.path], check=True)
        self.git("fetch", "-q", "origin", commit)
        self.git("checkout", "-q", "--force", "--detach", commit)
        if not self.cache.exists() and known.exists():
            shutil.copytree(known, self.cache / "videosim", copy_function=link_or_copy)
        for solution_or_project in (".", folder_of("Oracles")):
            subprocess.run(["dotnet", "restore", "--locked-mode", "-v", "quiet", solution_or_project], cwd=self.path, check=True)
        self.kept = set()

    def git(self, *arguments):
        return subprocess.run(["git", *arguments], cwd=self.path, check=True, capture_output=True, text=True).stdout

    def build(self, project):
        """Builds a project's tests."""
        done = subprocess.run(["dotnet", "build", folder_of(project), *BUILD], cwd=self.path, env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise Refused(next((line for line in done.stdout.split("\n") if "error" in line), "the build failed").strip())

    def tests(self, project):
        """Names of all tests of a project that was built."""
        return [line for line in self.run(project, ["-list", "tests"], limit=300)[1].split("\n") if line.startswith("VideoSim.")]

    def run(self, project, arguments, limit):
        """Runs a project's tests: exit status, output. The status is None after `limit` seconds."""
        program = f"{folder_of(project)}/bin/Release/net10.0/VideoSim.{project}.Tests"
        with open(self.log, "w+", encoding="utf-8", errors="replace") as log:
            process = subprocess.Popen([program, "-noColor", "-noLogo", "-preEnumerateTheories", "-trait-", "length=long", *arguments], cwd=self.path, env=self.environment,
                                       stdout=log, stderr=subprocess.STDOUT, start_new_session=True)
            try:
                status = process.wait(limit)
            except subprocess.TimeoutExpired:
                status = None
            finally:
                try:
                    os.killpg(process.pid, signal.SIGKILL)  # with all processes that the tests started
                except ProcessLookupError:
                    pass
                process.wait()
            log.seek(0)
            return status, log.read()

    def first_failure(self, project, patterns, limit, compiles=False):
        """Builds and runs tests until one fails: its name, or None if all pass. With `compiles` the tests compile the
        changed file: an error of that compiler refuses the change and is no failure."""
        self.build(project)
        names = [argument for pattern in patterns for argument in ("-displayName", pattern)]
        status, output = self.run(project, ["-stopOnFail", *names], limit)
        if compiles and any(text in output for text in REFUSED):
            raise Refused(next((line for line in output.split("\n") if "error" in line), "a kernel does not compile").strip())
        if status is None:
            return f"{project}.Tests: not done after {limit:.0f} s"
        if status == 0 and re.search(r"Total: 0\b", output):
            raise SystemExit(f"no test of {project} is called {' or '.join(patterns)}")
        if status == 0:
            return None
        failed = re.search(r"^\s*VideoSim\.(.*) \[FAIL\]", output, re.M)
        return failed[1] if failed else f"{project}.Tests: exit status {status}"

    def baseline(self, seconds_of):
        """Runs all tests without a change; they must pass. Calls seconds_of(project, seconds) for each project."""
        for project in PROJECTS:
            self.build(project)
            begin = time.monotonic()
            if failure := self.first_failure(project, [], 3600):
                raise SystemExit(f"the tests fail without any change: {failure}; see {self.log}")
            seconds_of(project, time.monotonic() - begin)

    def apply(self, place):
        path = self.path / place.path
        lines = path.read_text(encoding="utf-8").split("\n")
        assert lines[place.line - 1] == place.before
        lines[place.line - 1] = place.after
        path.write_text("\n".join(lines), encoding="utf-8")

    def restore(self):
        """Removes the change and everything that was compiled with it."""
        self.git("checkout", "-q", "--force", "--", ".")
        made = {*self.cache.glob("videosim/*/*"), *self.cache.glob("videosim/emulator/parts/*")}
        for path in made - self.kept if self.kept else ():
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def keep_caches(self):
        """From now on `restore` keeps everything that is compiled already."""
        self.kept = {*self.cache.glob("videosim/*/*"), *self.cache.glob("videosim/emulator/parts/*")}
