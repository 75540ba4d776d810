"""The machine of a result."""

import datetime
import platform
import subprocess

CLOCKS = ("driver_version", "clocks.sm", "clocks.mem", "power.draw", "temperature.gpu")


def about_machine():
    """Date in UTC, operating system and processor."""
    try:
        with open("/proc/cpuinfo") as lines:
            processor = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):  # not on Linux, or the processor has no name there
        processor = platform.processor() or None
    return {"date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"), "machine": platform.platform(), "processor": processor}


def about_gpu(name):
    """The name, and driver and clocks from nvidia-smi at this moment; null if nvidia-smi is missing or fails."""
    try:
        shown = subprocess.run(["nvidia-smi", f"--query-gpu={','.join(CLOCKS)}", "--format=csv,noheader"], capture_output=True, text=True, timeout=20, check=True)
        driver, *clocks = [value.strip() for value in shown.stdout.splitlines()[0].split(",")]
    except (OSError, subprocess.SubprocessError, IndexError, ValueError):
        return {"gpu": name, "driver": None, "clocks": None}
    return {"gpu": name, "driver": driver, "clocks": dict(zip(CLOCKS[1:], clocks))}
