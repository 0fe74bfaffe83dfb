"""The house rules a machine can check: sizes, headers, a pure core, flat folders, honest tests, clean text.

Standard library only, and nothing of Sayso is imported: the rules hold for the text, whether it runs or not.
Each check is a function from one file to its complaints, and is itself tried on a planted offence at the end.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SRC = ROOT / "src" / "sayso"
TESTS = ROOT / "tests"

# A file is one room: beyond this it is two.
MAX_FILE_LINES = 400
# A function longer than this hides a step that deserves a name.
MAX_FUNCTION_LINES = 70
# A header says what the room is for; more than this is documentation and belongs in docs/.
MAX_HEADER_LINES = 10
# A lock and a page of words are the largest texts we keep; anything beyond is data and is not read here.
MAX_TEXT_BYTES = 4_000_000

# Folders are one deep. These hold data, not code, and may lie one deeper.
DATA_FOLDERS = {
    "rules/words", "rules/replies", "rules/countries", "rules/lint", "rules/notices",
    "phone/static", "web/static", "web/templates", "web/words", "channels/fonts",
}  # fmt: skip

# The only places that talk to a terminal.
MAY_PRINT = ("cli/", "phone/__main__.py")

# The core receives time, chance and data as arguments. None of these may even be imported there.
NOT_IN_CORE = {
    "asyncio", "ctypes", "fcntl", "getpass", "glob", "http", "io", "logging", "mmap", "multiprocessing", "os",
    "pathlib", "random", "secrets", "select", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess",
    "tempfile", "threading", "time", "uuid",
}  # fmt: skip
# What is not in the standard library and yet pure: decoding, and the phone numbering plans of the world.
LIBRARIES_OF_CORE = {"msgspec", "phonenumbers"}
ROOMS_OF_CORE = ("sayso.core", "sayso.errors")
# Calls that read the clock, roll dice, or talk to the world.
NOT_CALLED_IN_CORE = {"now", "utcnow", "today", "uuid1", "uuid4", "print", "open", "input", "eval", "exec"}

# Tests that belong to no one room. Any other test file is named after a room or one of its modules.
SUBJECTS = {
    "ads", "bench", "browser", "crash", "demo", "docs", "imports", "isolation", "postgres", "promises", "project", "readme",  # noqa: E501
    "simulation", "sms", "story", "tidy",
}  # fmt: skip

SKIPPED_FOLDERS = {
    ".git", ".venv", ".hypothesis", ".import_linter_cache", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    "__pycache__", "build", "dist",
}  # fmt: skip

# Words and names that must not be in the repository. In pieces, so that this file passes itself.
UNFINISHED = re.compile(rf"\b(?:{'TO' + 'DO'}|{'FIX' + 'ME'}|{'XX' + 'X'}|{'NotImpl' + 'ementedError'})\b")
NOT_OURS = {
    "a path of one machine": re.compile(
        rf"(?<![\w.])/{'wo' + 'rk'}/|(?<![\w.])/{'ro' + 'ot'}/|\.lib{'rary'}/|\.\./sha{'red'}\b"
    ),
    "the host of a package index": re.compile(
        rf"{'py' + 'pi'}\.\w|{'python' + 'hosted'}|{'npm' + 'js'}\.\w|{'debian'}\.{'org'}"
    ),
}

Check = Callable[[Path, ast.Module], Iterator[str]]
Functions = ast.FunctionDef | ast.AsyncFunctionDef


def python_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if not SKIPPED_FOLDERS & set(path.parts))


def text_files(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every file of the project that is text, with its text."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if SKIPPED_FOLDERS & set(inside.parts) or not path.is_file() or path.stat().st_size > MAX_TEXT_BYTES:
            continue
        content = path.read_bytes()
        if b"\0" not in content[:1024]:
            yield inside, content.decode("utf-8", "replace")


def complaints(check: Check, files: list[Path]) -> list[str]:
    """What `check` says about each of the files, with where it is."""
    found = []
    for path in files:
        try:
            sentences = list(check(path, ast.parse(path.read_text(encoding="utf-8"))))
        except SyntaxError as error:
            sentences = [f"line {error.lineno}: not the Python of {sys.version.split()[0]}: {error.msg}"]
        found += [f"{path.relative_to(ROOT)}: {sentence}" for sentence in sentences]
    return found


# --- the checks ---------------------------------------------------------------------------------------------


def size(path: Path, tree: ast.Module) -> Iterator[str]:
    lines = len(path.read_text(encoding="utf-8").splitlines()) if path.exists() else 0
    if lines > MAX_FILE_LINES:
        yield f"{lines} lines, over {MAX_FILE_LINES}"
    for node in ast.walk(tree):
        if isinstance(node, Functions):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION_LINES:
                yield f"line {node.lineno}: {node.name} has {length} lines, over {MAX_FUNCTION_LINES}"


def header(path: Path, tree: ast.Module) -> Iterator[str]:
    if path.name == "__init__.py" and not tree.body:
        return
    lines = (ast.get_docstring(tree) or "").splitlines()
    if not lines:
        yield "no header saying what the room is for"
    if len(lines) > MAX_HEADER_LINES:
        yield f"a header of {len(lines)} lines, over {MAX_HEADER_LINES}"


def purity(_path: Path, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        for module in imported(node):
            top = module.partition(".")[0]
            if top == "sayso":
                if not module.startswith(ROOMS_OF_CORE):
                    yield f"line {line(node)}: imports {module}"
            elif top in NOT_IN_CORE or top not in sys.stdlib_module_names | LIBRARIES_OF_CORE:
                yield f"line {line(node)}: imports {module}"
        if isinstance(node, ast.Call) and called(node) in NOT_CALLED_IN_CORE:
            yield f"line {node.lineno}: calls {called(node)}"
        if isinstance(node, ast.Global):
            yield f"line {node.lineno}: global {', '.join(node.names)}"


def printing(path: Path, tree: ast.Module) -> Iterator[str]:
    if path.is_relative_to(SRC) and path.relative_to(SRC).as_posix().startswith(MAY_PRINT):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
            yield f"line {node.lineno}: prints; only the CLI and the phone's own command do"


def front_door(_path: Path, tree: ast.Module) -> Iterator[str]:
    """`sayso/__init__.py` is for those outside: a room that imports it would load every other room."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(alias.name == "sayso" for alias in node.names):
            yield f"line {node.lineno}: imports the package itself"
        if isinstance(node, ast.ImportFrom) and node.module == "sayso":
            for alias in node.names:
                if not (SRC / f"{alias.name}.py").exists() and not (SRC / alias.name).is_dir():
                    yield f"line {node.lineno}: takes {alias.name} from the package itself"


def assertions(_path: Path, tree: ast.Module) -> Iterator[str]:
    helpers = asserting_helpers()
    for node in ast.walk(tree):
        if isinstance(node, Functions) and node.name.startswith("test_") and not asserts(node, helpers):
            yield f"line {node.lineno}: {node.name} asserts nothing"


# --- how the checks read code -------------------------------------------------------------------------------


def line(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)


def imported(node: ast.AST) -> Iterator[str]:
    """The full names of the modules that this node imports; `from sayso import core` is sayso.core."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module == "sayso":
        yield from (f"sayso.{alias.name}" for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        yield node.module


def called(node: ast.Call) -> str:
    """The last name of what is called: `now` for datetime.now()."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr
    return node.func.id if isinstance(node.func, ast.Name) else ""


def asserts(function: ast.AST, helpers: set[str]) -> bool:
    """True where the function can fail on purpose: an assert of something, pytest's own, or a helper's."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) and not isinstance(node.test, ast.Constant):
            return True
        if isinstance(node, ast.Call):
            name = called(node)
            if name in {"raises", "warns", "fail", "run_state_machine_as_test"} or name in helpers:
                return True
    return False


@cache
def asserting_helpers() -> set[str]:
    """Names of the functions in tests/, other than tests, that assert: themselves or through one another."""
    functions = {
        node.name: node
        for path in python_files(TESTS)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, Functions) and not node.name.startswith("test_")
    }
    known: set[str] = set()
    while more := {name for name, node in functions.items() if name not in known and asserts(node, known)}:
        known |= more
    return known


# --- the rules ----------------------------------------------------------------------------------------------


def test_no_file_and_no_function_of_the_product_is_too_long() -> None:
    assert complaints(size, python_files(SRC)) == []


def test_every_module_opens_by_saying_what_it_is_for() -> None:
    assert complaints(header, python_files(SRC) + python_files(TESTS)) == []


def test_the_core_has_no_clock_no_chance_and_no_world() -> None:
    assert complaints(purity, python_files(SRC / "core")) == []


def test_only_the_commands_print() -> None:
    assert complaints(printing, python_files(SRC)) == []


def test_nothing_inside_uses_the_front_door() -> None:
    assert complaints(front_door, python_files(SRC)) == []


def test_every_test_can_fail() -> None:
    assert complaints(assertions, python_files(TESTS)) == []


def test_folders_are_one_deep() -> None:
    folders = {path.parent.relative_to(SRC).as_posix() for path in SRC.rglob("*") if path.is_file()}
    deep = {name for name in folders if "/" in name and "__pycache__" not in name}
    assert deep - DATA_FOLDERS == set()


def test_folders_of_data_hold_no_code() -> None:
    assert [path for name in DATA_FOLDERS for path in (SRC / name).glob("*.py")] == []


def test_a_test_file_is_named_after_what_it_tests() -> None:
    rooms = {path.stem for path in SRC.glob("*.py")} | {path.name for path in SRC.iterdir() if path.is_dir()}
    names = rooms | {path.stem for path in python_files(SRC)} | SUBJECTS
    nameless = [
        path.relative_to(ROOT).as_posix()
        for path in python_files(TESTS)
        if path.name.startswith("test_") and not is_named_after(path.stem.removeprefix("test_"), names)
    ]
    assert nameless == []


def is_named_after(subject: str, names: set[str]) -> bool:
    """True for `gate`, and for `gate_reasons`, where there is a gate."""
    return any(subject == name or subject.startswith(f"{name}_") for name in names)


def test_nothing_of_the_product_is_left_unfinished() -> None:
    assert [str(path) for path, text in text_files(SRC) if UNFINISHED.search(text)] == []


def test_nothing_names_a_machine_or_a_package_index() -> None:
    found = [
        f"{path}: {what}: {match.group()}"
        for path, text in text_files(ROOT)
        for what, pattern in NOT_OURS.items()
        for match in pattern.finditer(text)
    ]
    assert found == []


def test_the_locks_name_no_host_and_pin_every_package_by_hash() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert ":" + "//" not in text
        assert [pin for pin in pins(text) if "--hash=sha256:" not in pin] == []


def test_both_locks_pin_the_same_versions() -> None:
    run = {pin.partition(" ")[0] for pin in pins((ROOT / "requirements.lock").read_text())}
    develop = {pin.partition(" ")[0] for pin in pins((ROOT / "requirements-dev.lock").read_text())}
    assert run - develop == set()


def pins(lock: str) -> list[str]:
    """The requirements of a lock, each with its hashes on one line."""
    without_comments = "\n".join(row for row in lock.splitlines() if not row.lstrip().startswith("#"))
    return [row for row in without_comments.replace("\\\n", " ").splitlines() if row.strip()]


# --- the checks catch what they are for ---------------------------------------------------------------------


def caught(check: Check, source: str) -> bool:
    return bool(list(check(TESTS / "planted.py", ast.parse(source))))


def test_a_long_function_is_caught() -> None:
    body = "    x = 1\n"
    assert not caught(size, "def short():\n" + body * (MAX_FUNCTION_LINES - 1))
    assert caught(size, "def long():\n" + body * MAX_FUNCTION_LINES)


def test_a_missing_or_endless_header_is_caught() -> None:
    assert caught(header, "x = 1\n")
    assert caught(header, '"""' + "a line\n" * (MAX_HEADER_LINES + 1) + '"""\n')
    assert not caught(header, '"""What this is for."""\n')


def test_a_core_that_looks_at_the_world_is_caught() -> None:
    for offence in (
        "import os", "from time import time", "from sayso import store", "import sayso.ports", "import httpx",
        "datetime.now()", "date.today()", "uuid4()", "open('x')", "def f():\n    global x\n    x = 1",
    ):  # fmt: skip
        assert caught(purity, offence), offence
    for fine in ("import hashlib", "import msgspec", "from sayso import errors", "from sayso.core import x"):
        assert not caught(purity, fine), fine


def test_a_print_and_a_use_of_the_front_door_are_caught() -> None:
    assert caught(printing, "print(1)")
    assert caught(front_door, "import sayso")
    assert caught(front_door, "from sayso import Sayso")
    assert not caught(front_door, "from sayso import errors")


def test_a_test_that_asserts_nothing_is_caught() -> None:
    assert caught(assertions, "def test_a():\n    run()\n")
    assert caught(assertions, "def test_a():\n    assert True\n")
    assert not caught(assertions, "def test_a():\n    with pytest.raises(OSError):\n        run()\n")
    assert not caught(assertions, "async def test_a():\n    assert run()\n")
