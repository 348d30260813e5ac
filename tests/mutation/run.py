"""Put one mistake at a time into the rules, and check that the tests notice it.

    python tests/mutation/run.py              all files of tinygrad_edu/engine/rules
    python tests/mutation/run.py indexing     some of them

cosmic-ray makes the mutants (`operators.py`) and stores the session: `cr-html build/mutation.sqlite` shows each mutant.
Each mutant is tested in a fork of this process. The fork has already imported everything except `tinygrad_edu`, and
imports the mutant's source instead of the file's. So no file is changed, and a mutant costs less than a second. If a
quick run of the file's tests passes, a wide run follows. If that passes too, the mutant has survived: the command fails
unless `survivors.toml` explains it.
"""

import argparse
import ast
import gc
import importlib.util
import multiprocessing
import os
import resource
import sys
import tempfile
import time
import tomllib
from collections import Counter, deque
from importlib.machinery import SourceFileLoader
from multiprocessing.connection import wait

os.environ["OPENBLAS_NUM_THREADS"] = "1"

import hypothesis.extra.numpy  # noqa: F401 (the forks find it imported)
import pytest
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult
from hypothesis import HealthCheck, Phase, settings
from mutants import ROOT, RULES, mutants, names

TESTS = ROOT / "tests"
SESSION = ROOT / "build" / "mutation.sqlite"
EXPLAINED = tomllib.loads((TESTS / "mutation" / "survivors.toml").read_text("utf-8"))
OPTIONS = [
    *("-x", "--tb=line", "-p", "no:cacheprovider"),
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),  # the plugins are imported already
    *("-k", "not million and not time"),  # slow or time-dependent, so a busy machine fails them
]
ELSEWHERE = (  # the names of tests that are slow, or not about rules, begin with one of these
    "anomaly", "archives", "arguments", "augmented", "containers", "data", "distributed", "docstrings", "draw",
    "exercises", "explain", "fuzz", "growth", "habits", "images", "initializers", "inplace", "interrupted", "jit",
    "layout", "lbfgs", "lr_scheduler", "metrics", "mode", "module", "mpi", "native", "nn", "notebook", "optim",
    "package", "page", "plot", "portable", "processes", "readme", "reprs", "selfcheck", "shared", "site",
    "state.", "summary", "threads", "train", "types", "weather", "when_it_goes_wrong",
)  # fmt: skip
SECONDS, BYTES = 180, 8 * 2**30  # limits of processor time and memory for one test run

for profile, examples in {"quick": 5, "wide": 25}.items():
    settings.register_profile(
        profile,
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],  # no shrinking: nobody reads the examples
        suppress_health_check=list(HealthCheck),
    )


class Substitute(SourceFileLoader):
    """A loader that imports a file of rules from a different source text."""

    def __init__(self, page, source):
        super().__init__(f"tinygrad_edu.engine.rules.{page}", str(RULES / f"{page}.py"))
        self.source = source

    def find_spec(self, name, path=None, target=None):
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def get_code(self, fullname):
        return compile(self.source, self.path, "exec")


class Selection:
    """Select and order the tests of a mutant: random tests of its functions, examples, other random tests of the file.

    A wide run skips the last group, because the quick run included it.
    """

    def __init__(self, page, concerned, wide):
        self.page, self.concerned, self.wide = page, concerned, wide

    def rank(self, item):
        if item.path.stem != "test_rules" or not hasattr(item, "callspec"):
            return 1
        page, _, function = item.callspec.id.rpartition("-")
        function = function.rpartition(".")[2]
        names = {function, function.rstrip("0123456789")}  # pytest adds numbers to equal names
        if page in (self.page, "") and names & self.concerned:
            return 0
        return 2 if page == self.page and not self.wide else None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        items[:] = sorted((item for item in items if self.rank(item) is not None), key=self.rank)


def test(page, source, concerned, wide, log):
    """Run in a process of its own: test the file with this `source`, and exit with pytest's status."""
    os.dup2(log.fileno(), 1)
    os.dup2(log.fileno(), 2)
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    sys.meta_path.insert(0, Substitute(page, source))
    files = [TESTS / "test_rules.py", TESTS / f"test_{page}.py", TESTS / "test_conventions.py"]
    if wide:
        files = [file for file in TESTS.glob("test_*.py") if not file.name.removeprefix("test_").startswith(ELSEWHERE)]
    profile = f"--hypothesis-profile={'wide' if wide else 'quick'}"
    files = [str(file) for file in files if file.exists()]
    status = pytest.main([*OPTIONS, profile, *files], plugins=[Selection(page, concerned, wide)])
    sys.stdout.flush()
    os._exit(status)


def run(jobs, workers):
    """Test every (key, *arguments of `test`) of jobs; yield (key, exit status, output) as they end."""
    fork = multiprocessing.get_context("fork")
    gc.freeze()  # the forks need not collect garbage in shared memory
    jobs, running = deque(jobs), {}
    while jobs or running:
        while jobs and len(running) < workers:
            (key, *arguments), log = jobs.popleft(), tempfile.TemporaryFile()  # noqa: SIM115 (closed below)
            process = fork.Process(target=test, args=(*arguments, log))
            process.start()
            running[process] = key, log, time.monotonic() + 5 * SECONDS
        wait([process.sentinel for process in running], timeout=1)
        for process, (key, log, end) in list(running.items()):
            if process.is_alive() and time.monotonic() > end:
                process.kill()
                process.join()
            if not process.is_alive():
                del running[process]
                log.seek(0)
                yield key, process.exitcode, log.read().decode(errors="replace")
                log.close()


def sound(pages, workers):
    """Exit with an error unless the tests pass on the unchanged files."""
    texts = {page: (RULES / f"{page}.py").read_text("utf-8") for page in pages}
    for wide in (False, True):
        jobs = [(page, page, text, names(ast.parse(text)), wide) for page, text in texts.items()]
        for page, status, output in run(jobs, workers):
            if status:
                sys.exit(f"{page}: the tests fail without any mutant\n{output}")


def main():
    every = sorted(path.stem for path in RULES.glob("[!_]*.py"))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", default=every, help=f"of {', '.join(every)}")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    sys.stdout.reconfigure(line_buffering=True)  # otherwise forks inherit unwritten output
    os.chdir(ROOT)
    sys.path[0] = str(ROOT)

    began = time.monotonic()
    sound(options.pages, options.workers)
    surviving = [mutant for page in options.pages for mutant in mutants(page)]
    total = Counter(m.page for m in surviving)
    print(f"{total.total()} mutants, made in {time.monotonic() - began:.0f} s")
    SESSION.parent.mkdir(exist_ok=True)
    with use_db(SESSION) as session:
        session.clear()
        session.add_work_items(m.item for m in surviving)
        for wide in (False, True):
            jobs = [(m, m.page, m.source, m.concerned, wide) for m in surviving]
            surviving = []
            for m, status, output in run(jobs, options.workers):
                outcome = TestOutcome.KILLED if status else TestOutcome.SURVIVED
                result = WorkResult(WorkerOutcome.NORMAL, output, outcome, "\n".join(m.change))
                session.set_result(m.item.job_id, result)
                if not status:
                    surviving.append(m)
            print(f"{len(surviving)} survive the {'wide' if wide else 'quick'} tests; {time.monotonic() - began:.0f} s")

    for page in options.pages:
        left = sum(m.page == page for m in surviving)
        print(f"{page:12} {total[page] - left:4} of {total[page]:4} caught")
    puzzling = [m for m in surviving if m.name not in EXPLAINED.get(m.page, {})]
    for m in puzzling:
        print(f"\n{m.item.mutations[0].operator_name}", *m.change[3:], f"[{m.page}]\n{m.name!r} = ''", sep="\n")
    for page in options.pages:
        for name in EXPLAINED.get(page, {}).keys() - {m.name for m in surviving}:
            print(f"\n[{page}]\n{name!r} is explained, and does not survive")
    caught = total.total() - len(surviving)
    explained = len(surviving) - len(puzzling)
    print(f"\n{caught} of {total.total()} caught: {caught / max(total.total(), 1):.1%}")
    print(f"{caught / max(caught + len(puzzling), 1):.1%} without the {explained} survivors that are explained")
    sys.exit(bool(puzzling))


if __name__ == "__main__":
    main()
