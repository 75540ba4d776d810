"""Commands are killed (SIGKILL) at random moments and started again. At the end they have left what an undisturbed run
leaves. A command may end before it is killed. It is then compared at once, begins anew, and no kill is counted."""

import random
import time

from worker import Reference, was_killed


def kill(harness, worker, scenario, kills, seed):
    """Kills one command so many times."""
    def report(problems, text):
        for problem in problems:
            harness.report(f"{scenario.name}: after {hits} kills: {problem}", text)

    moments, hits, ended = random.Random(f"{seed} {scenario.name}"), 0, 0
    worker.begin(scenario.base)
    most = whole = seconds_of(worker, scenario)
    reference = Reference(scenario, worker)
    if scenario.resumes:
        # The mean time until a kill is the time of a start and an equal share of the run: the kills spread over it.
        most = 2 * (whole / kills + seconds_of(worker, scenario))
    worker.begin(scenario.base)
    while hits < kills:
        code, text = worker.run_and_kill(scenario.args, moments.uniform(0.05, most))
        if was_killed(code):
            hits += 1
            report([] if scenario.many else reference.state_problems(worker), text)
            if reference.is_done(worker):
                worker.begin(scenario.base)
            continue
        ended += 1
        report([f"ended with {code}"] if code != 0 else reference.end_problems(worker, "before the kill"), text)
        worker.begin(scenario.base)
    code, text = worker.run(scenario.args)
    report([f"ended with {code}"] if code != 0 else reference.end_problems(worker, "at the end"), text)
    harness.row(scenario.name, hits, ended)
    harness.note(f"{scenario.name}: {hits} kills; undisturbed {whole:.1f} s")


def seconds_of(worker, scenario):
    begin = time.monotonic()
    code, text = worker.run(scenario.args)
    if code != 0:
        raise SystemExit(f"{scenario.name}: the undisturbed run ended with {code}: {text}")
    return time.monotonic() - begin


def run(harness, options):
    chosen = [scenario for scenario in harness.scenarios(options.only, "kills")]
    for i, scenario in enumerate(chosen):
        kill(harness, harness.workers[0], scenario, options.kills * (i + 1) // len(chosen) - options.kills * i // len(chosen), options.seed)
    harness.print_rows(("command", "kills", "ended before"))
