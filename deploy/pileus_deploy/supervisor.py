"""Keeps the processes of a cloud running: one parent that imports what all of them need once, then forks them.

Forked children share that memory and start in milliseconds. A process that ends is started again, with growing pauses
while it keeps ending. The supervisor itself sleeps until a signal comes.
"""

import gc
import importlib
import json
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from pileus_deploy import configs, handover, pauses, plan_files, privileges, releases, users
from pileus_deploy.children import GRACE_S, STABLE_S, Child, Family, send
from pileus_deploy.handover import Handover
from pileus_deploy.plan import Plan
from pileus_deploy.processes import Process
from pileus_kit import listeners

log = logging.getLogger(__name__)

SIGNALS = {signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, handover.SIGNAL}
STEADY_S = 2.0  # seconds after which a process has read its configuration and connected, or failed
REPLACING_LOOK_S = 0.1  # how often the supervisor looks whether the next process can be replaced
MAX_PAUSE_S = 15.0
PR_SET_PDEATHSIG = 1


def run(plan: Plan, wanted: Sequence[Process], between: Callable[[], object], handed: Handover | None = None) -> None:
    """Start everything and stay until SIGTERM; then stop our processes, call `between`, and stop the infrastructure.

    `handed` is what another release's supervisor has left: its processes run on until they are replaced.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    preload(wanted)
    family = Family(wanted, handed)
    children = family.children
    stopping, paused = False, pauses.is_wanted(plan.state)
    while not stopping:
        if paused and not pauses.is_wanted(plan.state):
            paused = not _adopt_plan(plan.state)
        for child in children:
            if not child.pid and child.due <= time.monotonic() and not (paused and child.process.uses_database):
                _start(plan, child, is_replacing=not family.is_of_one_release())
        replacing = not paused and not family.is_of_one_release()
        if replacing:
            family.replace_next()
        _write_state(plan, family, handed)
        received = signal.sigtimedwait(SIGNALS, pauses.LOOK_S if paused else _until_next(children, replacing))
        stopping = received is not None and received.si_signo in (signal.SIGTERM, signal.SIGINT)
        if received is not None and received.si_signo == signal.SIGHUP:
            _restart(children, lambda process: process.restarts_for_secrets)
        elif received is not None and received.si_signo == signal.SIGUSR1 and pauses.is_wanted(plan.state):
            paused = True
            _restart(children, lambda process: process.uses_database)
        elif received is not None and received.si_signo == handover.SIGNAL:
            _hand_over(plan.state, family)
        _reap(family)
    _stop(family, between)
    (plan.state / "run" / "supervisor.json").unlink(missing_ok=True)


def preload(wanted: Sequence[Process]) -> None:
    """Import every main and its late imports before forking; then hide the memory from the garbage collector."""
    from pileus_kit import rpc

    rpc.preload()
    for name in (
        "gunicorn.app.base",
        "pileus_kit.gunicorn_workers",
        "alembic",
        "sqlalchemy.orm",
        "sqlalchemy.dialects.sqlite",
        "requests",
        "jsonschema",
        "oslo_policy.policy",
        "stevedore",
        "pileus_kit.web",
        "pileus_kit.peers",
        "pileus_kit.doorbell",
    ):
        importlib.import_module(name)
    _preload_entry_points()
    for process in wanted:
        if process.main:
            try:
                importlib.import_module(process.main.partition(":")[0])
            except Exception:  # that process will fail and report it; the others are to run
                log.exception("cannot import %s", process.main)
    gc.collect()
    gc.freeze()


def _preload_entry_points() -> None:
    """Have stevedore read what all packages offer: some 4 MiB in each process that loads a driver otherwise."""
    from stevedore.named import NamedExtensionManager

    NamedExtensionManager("pileus.network.backends", names=[])


def _start(plan: Plan, child: Child, is_replacing: bool) -> None:
    output = os.open(plan.state / "logs" / f"{child.process.name}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    inherited = child.sockets_to_inherit()
    child.announcement = _announcement() if is_replacing and child.process.main else None
    pid = os.fork()
    if pid == 0:
        os.environ[listeners.VARIABLE] = ",".join(map(str, inherited))
        if child.announcement is not None:
            os.environ[listeners.READY_VARIABLE] = str(child.announcement)
        _run_child(plan, child.process, output, os.getppid())
    os.close(output)
    for number in inherited:
        os.close(number)
    child.pid, child.started = pid, time.monotonic()
    (plan.state / "run" / f"{child.process.name}.pid").write_text(f"{pid}\n")


def _announcement() -> int:
    """Return an eventfd on which a process can say that it is ready, and that programs don't inherit."""
    return os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)


def _run_child(plan: Plan, process: Process, output: int, parent: int) -> None:
    """In the child: get a session, a log, default signals and a user of its own; never return."""
    try:
        os.setsid()
        null = os.open(os.devnull, os.O_RDONLY)
        for target, source in ((0, null), (1, output), (2, output)):
            os.dup2(source, target)
        for number in SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        _confine(plan, process)
        _end_with_parent(parent)  # the kernel forgets the setting when the user changes
        if process.command:
            os.execvpe(  # noqa: S606 -- no shell is wanted
                process.command[0],
                process.command,
                dict(process.environment) or dict(os.environ),
            )
        _set_title(process.name)
        module, _, function = process.main.partition(":")
        getattr(importlib.import_module(module), function)(list(process.arguments))
        sys.stderr.flush()
        os._exit(0)
    except SystemExit as err:
        os._exit(err.code if isinstance(err.code, int) else 1)
    except BaseException:  # the child must never return into the supervisor's loop
        logging.getLogger(process.name).exception("cannot run")
        os._exit(70)


def _confine(plan: Plan, process: Process) -> None:
    """Give up what this process doesn't need. Everything that it has to import is imported already."""
    if process.user:
        privileges.become_user(process.user, users.GROUP if process.main else "", [plan.state])
    elif process.capabilities is not None:
        privileges.keep_capabilities(process.capabilities)


def _end_with_parent(parent: int) -> None:
    """Ask the kernel to stop this process when the supervisor ends, even by SIGKILL."""
    import ctypes

    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def _set_title(name: str) -> None:
    import setproctitle

    setproctitle.setproctitle(f"pileus: {name}")


def _adopt_plan(state: Path) -> bool:
    """Write the configuration files by the plan as it is now: the program that paused the cloud may have changed it.

    False if that fails, for example because the disk is full: with old files processes would use the old databases.
    """
    try:
        plan = plan_files.load(state)
        if plan is not None:
            configs.write(plan)
            users.set_owners(plan)
    except Exception:  # the supervisor has to live on
        log.exception("cannot write the configuration; trying again")
        return False
    return True


def _restart(children: Sequence[Child], concerned: Callable[[Process], bool]) -> None:
    """End these processes; they start again at once or after the pause, with their new configuration. Guests run on."""
    for child in children:
        if child.pid and concerned(child.process):
            child.started = 0.0  # this is no failure, however short the process lived
            send(child.pid, signal.SIGTERM)


def _hand_over(state: Path, family: Family) -> None:
    """Become the release that was asked for; go on as this one if that can't be."""
    target = handover.requested(state)
    if target is not None:
        handover.execute(state, target, family.handed(), family.retiring)


def _until_next(children: Sequence[Child], replacing: bool) -> float:
    waits = [child.due - time.monotonic() for child in children if not child.pid]
    return max(0.0, min([REPLACING_LOOK_S if replacing else 3600.0, *waits]))


def _reap(family: Family) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        child = family.forget(pid)
        if child is None:
            continue
        lived = time.monotonic() - child.started
        child.failures = 0 if lived > STABLE_S else child.failures + 1
        pause = min(0.2 * 2**child.failures, MAX_PAUSE_S) if child.failures else 0.0
        log.warning(
            "%s (%d) ended with %s after %.1f s; again in %.1f s",
            child.process.name,
            pid,
            os.waitstatus_to_exitcode(status),
            lived,
            pause,
        )
        child.due = time.monotonic() + pause


def _stop(family: Family, between: Callable[[], object]) -> None:
    """Stop Python processes all at once, then the infrastructure, in reverse order of start."""
    children = family.children
    family.retiring += [child.predecessor for child in children if child.predecessor]
    for pid in family.retiring:
        send(pid, signal.SIGTERM)
    ours = [c for c in children if c.process.main]
    for number, group in enumerate((ours, *[[c] for c in reversed(children) if not c.process.main])):
        if number == 1:
            between()
        for child in group:
            if child.pid:
                send(child.pid, signal.Signals(child.process.stop_signal))
        deadline = time.monotonic() + GRACE_S
        while (any(c.pid for c in group) or _collect_retiring(family)) and time.monotonic() < deadline:
            signal.sigtimedwait({signal.SIGCHLD}, 0.5)
            _collect(group)
        for pid in family.retiring:
            send(pid, signal.SIGKILL)
        for child in group:
            if child.pid:
                log.warning("%s does not stop; killed", child.process.name)
                os.killpg(child.pid, signal.SIGKILL)
                os.waitpid(child.pid, 0)
                child.pid = 0


def _collect(group: Sequence[Child]) -> None:
    for child in group:
        if child.pid and os.waitpid(child.pid, os.WNOHANG)[0]:
            child.pid = 0


def _collect_retiring(family: Family) -> bool:
    """Return whether processes that were replaced still finish what they have begun."""
    family.retiring = [pid for pid in family.retiring if not _has_ended(pid)]
    return bool(family.retiring)


def _has_ended(pid: int) -> bool:
    try:
        return bool(os.waitpid(pid, os.WNOHANG)[0])
    except ChildProcessError:
        return True


def _write_state(plan: Plan, family: Family, handed: Handover | None = None) -> None:
    """Write what `status` and `upgrade` read: whose code runs, pids, starts and failures."""
    file = plan.state / "run" / "supervisor.json"
    text = json.dumps(
        {
            "pid": os.getpid(),
            "release": asdict(releases.own()),
            "problem": handed.problem if handed else "",
            "retiring": family.retiring,
            "processes": {
                c.process.name: {
                    "pid": c.pid,
                    "failures": c.failures,
                    "port": c.process.port,
                    "address": c.process.address,
                    "checkout": c.checkout,
                    "predecessor": c.predecessor,
                }
                for c in family.children
            },
        }
    )
    temporary = file.with_suffix(".new")
    try:
        temporary.write_text(text)
        temporary.replace(file)
    except OSError as err:  # a full disk must not end the processes that work on it
        log.warning("cannot write %s: %s", file, err)


def daemonize(plan: Plan, wanted: Sequence[Process], between: Callable[[], object]) -> int:
    """Run the supervisor in the background and return its pid."""
    for name in ("run", "logs"):
        (plan.state / name).mkdir(parents=True, exist_ok=True)
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    os.chdir(plan.state)  # files that a process leaves in its working directory belong to the cloud
    _set_title(f"supervisor of {plan.state}")  # by this argument `running` recognizes the supervisor
    output = os.open(plan.state / "logs" / "supervisor.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, null), (1, output), (2, output)):
        os.dup2(source, target)
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, soft))
    from pileus_kit import logs

    logs.setup("supervisor")
    try:
        run(plan, wanted, between)
    except BaseException:
        log.exception("the supervisor failed")
        os._exit(70)
    os._exit(0)


def is_steady(state: Path, process: str) -> bool:
    """Return whether a process has run for long enough to have read its configuration and connected."""
    file = state / "run" / "supervisor.json"
    pid = json.loads(file.read_text())["processes"].get(process, {}).get("pid") if file.exists() else None
    try:
        return bool(pid) and time.time() - Path(f"/proc/{pid}").stat().st_ctime > STEADY_S
    except OSError:
        return False


def running(state: Path) -> int | None:
    """Return the pid of the supervisor of the cloud in `state`, if it runs."""
    file = state / "run" / "supervisor.json"
    try:
        pid = int(json.loads(file.read_text())["pid"])
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError, KeyError):
        return None
    return pid if b"pileus" in command else None
