"""dockerfile.py DOCKERFILE FOLDER: does the steps of a Dockerfile in FOLDER, a new root of Debian's release that this
machine has, and runs what it installs as its user. Needs root and mmdebstrap."""

import shlex
import subprocess
import sys
from pathlib import Path


class Root:
    """A root folder, and what the steps so far have set."""

    def __init__(self, folder):
        self.folder, self.user, self.directory, self.entry = folder, "root", "/", []
        release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines())["VERSION_CODENAME"]
        sources = subprocess.run(["apt-get", "indextargets", "--format", "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $(REPO_URI) $(RELEASE) $(COMPONENT)",
                                  "Created-By: Packages"], check=True, capture_output=True, text=True).stdout.splitlines()
        sources = sorted({line for line in sources if line.endswith(f" {release} main")})
        subprocess.run(["mmdebstrap", "--quiet", "--variant=minbase", release, folder, *sources], check=True)

    def run(self, *command):
        # The programs need /proc and /dev/null, which are mounted in a namespace of this command.
        script = f"mount -t proc proc {self.folder}/proc && mount --bind /dev {self.folder}/dev && exec chroot --userspec={self.user} {self.folder} \"$@\""
        subprocess.run(["unshare", "--mount", "sh", "-ec", script, "sh", "/bin/sh", "-ec", f"cd {self.directory} && exec \"$@\"", "sh", *command], check=True,
                       env={"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": self.directory})

    def do(self, step, rest):
        if step == "RUN":
            self.run("/bin/sh", "-ec", rest)
        elif step == "ADD":
            archive, target = rest.split()
            subprocess.run(["tar", "-C", f"{self.folder}{target}", "-xzf", archive], check=True)
        elif step == "USER":
            self.user = rest
        elif step == "WORKDIR":
            self.directory = rest
        elif step == "ENTRYPOINT":
            self.entry = [word.strip('"') for word in rest.strip("[]").split(", ")]
        elif step not in ("ARG", "FROM"):
            sys.exit(f"this script does not know {step}")


def main(dockerfile, folder):
    root = Root(folder)
    for line in Path(dockerfile).read_text().splitlines():
        if line and not line.startswith("#"):
            root.do(*line.split(" ", 1))
    if root.user == "root":
        sys.exit("the image runs as root")
    root.run("/bin/sh", "-ec", "! touch /opt/videosim/x 2> /dev/null && id")
    for command in ("--version", "devices", "reproduce --preset micro --quiet", "search --help"):
        print(f"{root.user}: {shlex.join(root.entry)} {command}", flush=True)
        root.run(*root.entry, *command.split())


if __name__ == "__main__":
    main(*sys.argv[1:])
