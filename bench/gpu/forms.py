"""The form of the JSON files that compare.py reads. A file is checked before it is used. An error names the fault."""

LEAST, MOST = 1e-9, 1e30  # in any unit: no measurement lies outside

KINDS = {
    "text": lambda value: isinstance(value, str),
    "text or null": lambda value: value is None or isinstance(value, str),
    "a truth value": lambda value: isinstance(value, bool),
    "an object": lambda value: isinstance(value, dict),
    "a list": lambda value: isinstance(value, list),
    "a number": lambda value: is_number(value) and 0 <= value < MOST,
    "a number above 0": lambda value: is_number(value) and LEAST <= value < MOST,
    "a number above 0 or null": lambda value: value is None or KINDS["a number above 0"](value),
}

CONDITIONS = dict.fromkeys(("date", "machine", "processor", "driver", "commit", "torch", "cuda", "gpu"), "text or null")
RATES = dict.fromkeys(("copy_bytes_per_second", "flops_per_second", "empty_microseconds"), "a number above 0")
BENCH = {"device": "text", "kernels": "a list"}
BENCH_ROW = {"entry": "text", "launch": "text", "is_of_step": "a truth value"}
BENCH_NUMBERS = {"bytes": "a number above 0", "flops": "a number"}
PEER = {"results": "an object"}
STEP = {"device": "text", "model": "text", "stage": "text", "preset": "text", "batch": "a number", "median_milliseconds": "a number above 0 or null", "launches": "a number", "kernels": "a list"}
STEP_ROW = {"entry": "text", "microseconds": "a number", "bytes": "a number", "flops": "a number"}


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def check(value, form, where=""):
    """Raises ValueError unless a value is an object with all keys of a form, each of its kind. A key whose value may
    be null may be missing."""
    if not isinstance(value, dict):
        raise ValueError(f"{where or 'the whole'} is {shown(value)}, not an object")
    for key, kind in form.items():
        if not KINDS[kind](value.get(key)):
            raise ValueError(f"{where and where + ', '}{key} is {shown(value[key])}, not {kind}" if key in value else f"{where and where + ', '}there is no {key}")


def check_report(kind, report):
    """Raises ValueError unless a file can be used. Single odd times and rates are checked where they are used."""
    check(report, CONDITIONS)
    check(report, {"peer": PEER, "step": STEP, "bench": BENCH}[kind])
    if kind == "peer":
        for name, result in report["results"].items():
            check(result, {}, name)
    else:
        for number, row in enumerate(report["kernels"], 1):
            check(row, STEP_ROW if kind == "step" else BENCH_ROW, f"row {number} of kernels")


def odd(value, form, where=""):
    """The first fault as text, or None."""
    try:
        check(value, form, where)
    except ValueError as error:
        return str(error)


def shown(value):
    return repr(value)[:40]
