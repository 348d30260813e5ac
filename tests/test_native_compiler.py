"""jit/native's compiler and cache: what is found, compiled once, kept safely, and said where there is none."""

import ctypes
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.jit.native import cache, compiler
from tinygrad_edu.jit.native.binding import ArrayFields

SOURCE = "int answer(void) { return %d; }\n"
posix = pytest.mark.skipif(sys.platform == "win32", reason="there is no C backend on Windows")


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    """An empty cache for each test, and nothing loaded before."""
    tmp_path.chmod(0o700)
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(cache.folder().parent.with_name("zig")))  # else zig starts anew
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cache, "_counts", {"hits": 0, "misses": 0})
    monkeypatch.setattr(cache, "_unlisted", 0)
    compiler._load.cache_clear()
    yield tmp_path
    compiler._load.cache_clear()


def hits_and_misses():
    return cache.info()[:2]


def fake(folder, name, text="exit 1"):
    """Make an executable program of the shell."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    path.chmod(0o755)
    return path


@posix
def test_a_source_is_compiled_once_and_then_found_in_the_process_and_on_disk():
    assert compiler.load(SOURCE % 42).answer() == 42
    assert compiler.load(SOURCE % 42) is compiler.load(SOURCE % 42)
    assert hits_and_misses() == (0, 1)
    compiler._load.cache_clear()
    start = time.perf_counter()
    assert compiler.load(SOURCE % 42).answer() == 42
    assert hits_and_misses() == (1, 1)
    assert time.perf_counter() - start < 0.5  # a few milliseconds on an idle machine
    info = cache.info()
    assert (info.files, info.problem) == (1, "")
    assert 0 < info.bytes < info.limit


@posix
def test_other_levels_flags_compilers_and_processors_have_other_keys(monkeypatch):
    found = compiler.find()
    keys = {compiler._key(SOURCE, level, found) for level in (1, 3)}
    keys |= {compiler._key(SOURCE + " ", 3, found), compiler._key(SOURCE, 3, found._replace(version="cc 99"))}
    monkeypatch.setattr(compiler, "FLAGS", (*compiler.FLAGS, "-g"))
    keys.add(compiler._key(SOURCE, 3, found))
    monkeypatch.setattr(compiler, "_processor", lambda: "another")
    keys.add(compiler._key(SOURCE, 3, found))
    assert len(keys) == 6


@posix
@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b[:-1] + bytes([b[-1] ^ 1]), lambda b: b""])
def test_a_damaged_file_is_deleted_and_compiled_again(damage):
    compiler.load(SOURCE % 3)
    (file,) = cache.folder().iterdir()
    whole = file.read_bytes()
    file.unlink()
    file.write_bytes(damage(whole))
    compiler._load.cache_clear()
    assert compiler.load(SOURCE % 3).answer() == 3
    assert hits_and_misses() == (0, 2)
    (file,) = cache.folder().iterdir()
    assert file.stat().st_size == len(whole)


@posix
@pytest.mark.parametrize("mode", [0o720, 0o702])
def test_nothing_is_read_from_a_folder_that_others_can_write_to(mode):
    compiler.load(SOURCE % 4)
    cache.folder().chmod(mode)
    compiler._load.cache_clear()
    assert compiler.load(SOURCE % 4).answer() == 4
    assert hits_and_misses() == (0, 2)
    assert "close it with `chmod go-w`" in cache.info().problem


@posix
def test_a_folder_on_the_way_that_others_can_write_to_is_as_bad_unless_it_is_sticky(own_folder):
    folder = own_folder / "shared" / "mine"
    folder.mkdir(parents=True, mode=0o700)
    assert cache.problem(folder) == ""
    folder.parent.chmod(0o777)
    assert cache.problem(folder) == f"others can write to {folder.parent}; close it with `chmod go-w`"
    folder.parent.chmod(0o1777)
    assert cache.problem(folder) == ""
    folder.chmod(0o1777)
    assert "others can write" in cache.problem(folder)


@posix
def test_folders_that_are_made_are_used_with_any_umask(own_folder, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(own_folder / "new" / "cache"))
    before = os.umask(0)
    try:
        assert cache.ready()[1] == ""
    finally:
        os.umask(before)


@posix
def test_a_folder_of_another_user_a_link_and_a_file_are_not_used(own_folder, monkeypatch):
    (own_folder / "folder").mkdir(mode=0o700)
    (own_folder / "link").symlink_to(own_folder / "folder")
    (own_folder / "file").touch()
    assert "is a link" in cache.problem(own_folder / "link")
    assert "is not a folder" in cache.problem(own_folder / "file")
    assert "cannot be read" in cache.problem(own_folder / "nothing")
    (own_folder / "link" / "inner").mkdir(mode=0o700)
    assert cache.problem(own_folder / "link" / "inner") == ""  # a link on the way leads where this user wants
    monkeypatch.setattr(os, "geteuid", lambda: own_folder.stat().st_uid + 1)
    assert "belongs to another user" in cache.problem(own_folder / "folder")


@posix
def test_a_folder_that_cannot_be_made_leaves_libraries_that_work_but_are_not_kept(own_folder):
    (own_folder / "tinygrad_edu").touch()
    assert compiler.load(SOURCE % 5).answer() == 5
    assert "cannot be made" in cache.info().problem
    cache.clear()


def test_without_a_home_folder_libraries_work_but_are_not_kept(monkeypatch):
    def unknown():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(cache, "folder", unknown)
    assert cache.ready()[1].startswith("the home folder is not known")
    assert compiler.load("int four(void) { return 4; }", 0).four() == 4
    assert cache.info().files == 0
    cache.clear()


def test_the_folder_is_that_of_the_user(monkeypatch, own_folder):
    assert cache.folder() == own_folder / "tinygrad_edu" / "native"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(own_folder))
    monkeypatch.setenv("LOCALAPPDATA", str(own_folder / "local"))
    for platform, inside in (("linux", ".cache"), ("darwin", "Library/Caches"), ("win32", "local")):
        monkeypatch.setattr(sys, "platform", platform)
        assert cache.folder() == own_folder / inside / "tinygrad_edu" / "native"


@posix
def test_the_name_of_the_folder_may_have_any_bytes(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", os.fsdecode(os.fsencode(tmp_path) + b"/\xe9"))
    jitted = tg.jit(lambda x: np.sum(x * 2.625), backend="c")
    assert [jitted(np.ones(2)) for _ in range(2)] == [5.25, 5.25]


def test_the_least_recently_used_libraries_go_when_the_folder_is_full(monkeypatch):
    folder, problem = cache.ready()
    assert problem == ""
    monkeypatch.setattr(cache, "LIMIT", 250)
    files = [cache.store(folder, key, key.encode() * 100) for key in "ab"]
    for age, file in enumerate(files):
        os.utime(file, (1000 + age, 1000 + age))
    assert cache.find(folder, "a") == files[0]  # now the most recently used
    third = cache.store(folder, "c", b"c" * 100)
    assert set(folder.iterdir()) == {files[0], third}
    assert cache.store(folder, "d", b"d" * 1000).exists()  # larger than the limit, but in use


def test_a_folder_is_listed_at_the_first_write_and_at_each_64th_of_the_limit(monkeypatch):
    folder, _ = cache.ready()
    monkeypatch.setattr(cache, "LIMIT", 640)
    listed, used = [], cache._used
    monkeypatch.setattr(cache, "_used", lambda path: listed.append(path) or used(path))
    counts = []
    for i in range(300):
        os.utime(cache.store(folder, f"{i:03}", b"%03d" % i), (1000 + i,) * 2)
        counts.append(len(listed))
    assert counts[:9] == [1, 1, 1, 1, 2, 2, 2, 2, 3]
    kept = sorted(int(name[:3]) for name in os.listdir(folder))
    assert kept == [*range(300 - len(kept), 300)]  # the most recently used
    assert 640 <= 3 * len(kept) <= 650


def test_unfinished_files_of_processes_that_died_are_deleted_after_an_hour():
    folder, _ = cache.ready()
    for name, age in ((".old.1.2", 4000), (".new.1.2", 0)):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - age,) * 2)
    stored = cache.store(folder, "key", b"content")
    assert set(folder.iterdir()) == {folder / ".new.1.2", stored}


@posix
def test_threads_and_processes_that_compile_the_same_source_do_not_disturb_each_other(own_folder):
    code = f"from tinygrad_edu.jit.native.compiler import load; print(load({SOURCE % 6!r}).answer())"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(compiler.load(SOURCE % 6).answer())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [6] * 3
    assert process.communicate()[0] == "6\n"
    assert not [name for name in os.listdir(cache.folder()) if name.startswith(".")]


@posix
def test_the_compiler_is_cc_of_the_environment_else_the_first_of_the_path(tmp_path, monkeypatch):
    gcc = fake(tmp_path, "gcc", "echo gcc 12")
    broken, clang = fake(tmp_path, "cc"), fake(tmp_path, "clang", "echo clang 17")
    monkeypatch.setattr(compiler, "_is_placeholder", lambda path: False)
    assert compiler._find("", str(tmp_path)) == ((str(gcc),), "gcc 12\n")
    assert compiler._find("clang -m64", str(tmp_path)) == ((str(clang), "-m64"), "clang 17\n")
    assert compiler._find(str(broken), str(tmp_path)) is None  # chosen, so no other one instead
    assert compiler._find("absent", str(tmp_path)) is None
    assert compiler._find("gcc 'a", str(tmp_path)) is None
    spaced = fake(tmp_path, "my cc", "echo cc 3")
    assert compiler._find(str(spaced), "") == compiler._find(f"'{spaced}'", "") == ((str(spaced),), "cc 3\n")
    monkeypatch.chdir(tmp_path)  # it runs in another folder
    assert compiler._find("./gcc", "") == compiler._find("gcc", ".") == ((str(gcc),), "gcc 12\n")


@posix
def test_without_a_compiler_the_error_names_the_three(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CC", "")
    monkeypatch.setattr(compiler, "find_spec", lambda name: None)
    compiler._find.cache_clear()
    with pytest.raises(compiler.CompilerError, match=r"no C compiler .* set CC .* gcc or clang, or `pip i.* ziglang`"):
        compiler.load(SOURCE % 7)
    monkeypatch.setenv("CC", "absent")
    with pytest.raises(compiler.CompilerError, match=r"^CC is 'absent', which is not a C compiler that runs; set CC"):
        compiler.load(SOURCE % 7)
    compiler._find.cache_clear()


def test_on_windows_there_is_none_and_the_error_says_what_runs_instead(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    compiler._find.cache_clear()
    assert compiler.find() is None
    with pytest.raises(compiler.CompilerError, match="needs Linux or macOS; on Windows leave it out"):
        compiler.load(SOURCE % 8)
    compiler._find.cache_clear()


@posix
def test_zig_serves_where_there_is_no_other(monkeypatch, tmp_path):
    monkeypatch.setattr(compiler, "find_spec", lambda name: name == "ziglang")
    monkeypatch.setattr("importlib.metadata.version", lambda name: "0.15")
    found = compiler._find("", str(tmp_path / "empty"))
    assert found == ((sys.executable, "-m", "ziglang", "cc"), "ziglang 0.15")
    assert compiler._extra(found, "") == ("-fno-sanitize=undefined",)
    assert compiler._extra(compiler.Compiler(("cc",), "Apple clang version 17"), "") == ()


@posix
def test_an_error_of_the_compiler_shows_its_words(monkeypatch):
    with pytest.raises(compiler.CompilerError, match=r"(?s)^.* failed: .*error.*nonsense"):
        compiler.load("nonsense")


@posix
@pytest.mark.parametrize("text", ["echo 1; rm $0", "[ $1 = --version ] && echo 1 || echo nonsense > step.so"])
def test_what_cannot_be_run_or_loaded_is_an_error_of_the_compiler(monkeypatch, tmp_path, text):
    strange = fake(tmp_path, "strange", text)
    monkeypatch.setenv("CC", str(strange))
    with pytest.raises(compiler.CompilerError, match="strange failed: "):
        compiler.load(SOURCE % 10)


@posix
def test_no_text_of_a_source_reaches_a_shell(own_folder):
    touched = own_folder / "touched"
    name = f"; touch {touched}; $(touch {touched}) `touch {touched}`"
    assert compiler.load(f"/* {name} */\n{SOURCE % 9}").answer() == 9
    assert not touched.exists()


@posix
def test_floating_point_is_strict():
    source = "double step(double a, double b) { return a * b - a * b; }\n"
    source += "double sum(double a, double b, double c) { return (a + b) + c; }\n"
    library = compiler.load(source)
    library.step.restype = library.sum.restype = ctypes.c_double
    library.step.argtypes, library.sum.argtypes = [ctypes.c_double] * 2, [ctypes.c_double] * 3
    assert library.step(0.1, 0.3) == 0
    assert library.sum(1e16, -1e16, 1.0) == 1
    assert library.sum(1e16, 2.9999, -1e16) == 2  # 3 in the 80 bits that 32-bit x86 has by default
    assert library.sum(float("nan"), 1.0, 1.0) != library.sum(float("nan"), 1.0, 1.0)


def test_an_arrays_fields_have_no_gaps_where_pointers_are_as_wide_as_int():
    narrow = [(name, ctypes.c_uint32 if kind is ctypes.c_void_p else kind) for name, kind in ArrayFields._fields_]
    fields = type("Fields", (ctypes.Structure,), {"_fields_": narrow})
    assert [getattr(fields, name).offset for name, _ in narrow] == [0, 4, 8, 12, 16, 20, 24]


@posix
def test_a_jitted_function_tells_what_was_compiled():
    jitted = tg.jit(lambda x: np.sum(np.exp(x) * x + np.tanh(x)), backend="c")
    jitted(np.ones(9))
    jitted(np.ones(9))
    assert jitted.cache_info()[:2] == (1, 1)
    found = jitted.cache_info().compiled
    assert (found.hits, found.misses, found.files) == (0, 1, 1)
    assert found == cache.info()


@posix
def test_the_same_step_of_other_arrays_has_the_same_text_and_is_not_compiled_again():
    misses = []
    for _ in range(4):
        model = tg.nn.Sequential(tg.nn.Linear(2, 5, rng=0), tg.nn.ReLU(), tg.nn.Linear(5, 3, rng=1))
        trained = tg.optim.Adam(model.parameters())

        def step(x, y, model=model, trained=trained):
            trained.zero_grad()
            loss = tg.cross_entropy(model(x), y) + np.sum(np.sin(model(x)) ** 2)
            loss.backward()
            trained.step()
            return loss

        jitted = tg.jit(step, backend="c")
        for _ in range(2):
            jitted(np.ones((7, 2)), np.arange(7) % 3)
        misses.append(jitted.cache_info().compiled.misses)
    assert misses == misses[:1] * 4
