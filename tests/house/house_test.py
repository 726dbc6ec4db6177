#!/usr/bin/env python3
"""Reads the tree and says where it breaks the house rules (docs/HACKING.md).

Each rule is a function from a tree to a list of complaints, "path:line: what". The first half of the
tests plants violations in a small tree of its own, so that no rule can pass by never looking.
"""

import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]

# What may stand at the top: the reader's folders, and files that tools look for there.
TOP_LEVEL = {
    "CMakeLists.txt", "actors", "protocol", "cluster", "tests", "deploy", "docs",
    "README.md", "LICENSE", "CMakePresets.json", ".clang-format", ".clang-tidy", ".gitignore", ".ci",
}
# What git ignores or owns; never read.
NOT_OURS = {".git", "build", ".cache", "__pycache__", "node_modules", "compile_commands.json"}

LAYERS = ("protocol", "cluster", "actors")
# Programs that are shipped beside the node: clients, which know the protocols and themselves. No
# layer knows them.
CLIENTS = ("deploy",)
SHARED_BY_ACTORS = {"runtime", "contract", "observe"}
# Folders of actors/ that are not stages: what they may include besides themselves and the layers
# below. A stage may include SHARED_BY_ACTORS; node may include everything.
FOUNDATIONS = {"runtime": set(), "contract": {"runtime"}, "observe": {"runtime", "contract"},
               "sqlite": {"runtime", "contract", "observe"}}
# sqlite is a foundation for those two stages alone.
EXTRA_INCLUDES = {"sink": {"sqlite"}, "state": {"sqlite"}}
PROTOCOL_INCLUDES = {"base": set(), "model": {"base"}, "mqtt": {"base", "model"},
                     "native": {"base", "model"},
                     "http": {"base", "model", "mqtt", "native"}}

# One big dependency, and the places that may know it.
DEPENDENCIES = [
    ("CAF", re.compile(r"^caf/"), re.compile(r"^actors/(runtime|node)/|_actor\.[ch]pp$")),
    ("msgpack", re.compile(r"^msgpack"), re.compile(r"^(protocol|actors/parse)/")),
    ("sqlite3.h", re.compile(r"^sqlite3\.h$"),
     re.compile(r"^(actors/(sqlite|sink|state)/|deploy/fleetsim/message_table\.cpp$)")),
    ("Asio or Beast", re.compile(r"^boost/(asio|beast)"),
     re.compile(r"^actors/(runtime|ingress|admin|node)/")),
    ("ZeroMQ", re.compile(r"^zmq"), re.compile(r"^cluster/transport/")),
    ("toml++", re.compile(r"^toml\+\+/"), re.compile(r"^actors/node/")),
    ("CLI11", re.compile(r"^CLI/"), re.compile(r"^(actors/node/|deploy/fleetsim/command_line\.cpp$)")),
]

LONGEST_FILE = 600
SOURCE_SUFFIXES = {".cpp", ".hpp"}
TEXT_SUFFIXES = SOURCE_SUFFIXES | {".py", ".sh", ".cmake", ".txt", ".md", ".toml", ".json"}

BANNED_WORDS = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
BANNED_NAMES = {"utils", "util", "common", "misc", "helpers"}
MACHINE_PATHS = re.compile(r"(?<![\w.~/-])/(?:work|home|root|Users|tmp/brief)/[\w.]")
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
LINK = re.compile(r"(?<!!)\[[^\]\[]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*\s*$")
THIS_FILE = "tests/house/house_test.py"  # names what it looks for


class Tree:
    """The files of one source tree, by path from its root."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.paths = []
        self._collect(self.root)
        self.paths.sort()

    def _collect(self, directory):
        for entry in directory.iterdir():
            if entry.name in NOT_OURS:
                continue
            if entry.is_dir() and not entry.is_symlink():
                self._collect(entry)
            else:
                self.paths.append(entry.relative_to(self.root).as_posix())

    def files(self, suffixes, under=None):
        for path in self.paths:
            if pathlib.PurePosixPath(path).suffix not in suffixes:
                continue
            if under is None or path.split("/")[0] in under:
                yield path

    def lines(self, path):
        return (self.root / path).read_text(encoding="utf-8").splitlines()

    def has(self, path):
        return (self.root / path).exists()


def includes(tree, path):
    for number, line in enumerate(tree.lines(path), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1)


def may_include(path, target):
    """The include law (docs/ARCHITECTURE.md, Layers) for two paths that begin with a layer or client."""
    layer, folder = path.split("/")[:2]
    to_layer, to_folder = target.split("/")[:2]
    if layer in CLIENTS or to_layer in CLIENTS:
        return layer in CLIENTS and (to_layer == "protocol" or (layer, folder) == (to_layer, to_folder))
    if LAYERS.index(to_layer) > LAYERS.index(layer):
        return False
    if layer == "protocol":
        return folder == to_folder or to_folder in PROTOCOL_INCLUDES.get(folder, set())
    if layer == "cluster" or to_layer != "actors":
        return True
    if folder in ("node", to_folder):
        return True
    if folder in FOUNDATIONS:
        return to_folder in FOUNDATIONS[folder]
    return to_folder in SHARED_BY_ACTORS | EXTRA_INCLUDES.get(folder, set())


def include_law(tree):
    for path in tree.files(SOURCE_SUFFIXES, LAYERS + CLIENTS):
        for number, target in includes(tree, path):
            if target.split("/")[0] not in LAYERS + CLIENTS:
                continue
            if path.count("/") < 2 or target.count("/") < 2:
                yield f"{path}:{number}: lies outside a layer's folders: {target}"
            elif not may_include(path, target):
                yield f"{path}:{number}: may not include {target}"


def dependencies_in_their_place(tree):
    for path in tree.files(SOURCE_SUFFIXES, LAYERS + CLIENTS):
        for number, target in includes(tree, path):
            for name, header, allowed in DEPENDENCIES:
                if header.search(target) and not allowed.search(path):
                    yield f"{path}:{number}: may not know {name}: {target}"


def headers_open_with_a_comment(tree):
    for path in tree.files({".hpp"}):
        lines = tree.lines(path)
        if not lines or not lines[0].startswith("//"):
            yield f"{path}:1: a header opens with what it is, who owns it and what its limit is"


def headers_are_guarded(tree):
    for path in tree.files({".hpp"}):
        if "#pragma once" not in tree.lines(path):
            yield f"{path}:1: no #pragma once"


def no_banned_words(tree):
    for path in tree.files(TEXT_SUFFIXES - {".md"}):
        if path == THIS_FILE:
            continue
        for number, line in enumerate(tree.lines(path), 1):
            found = BANNED_WORDS.search(line)
            if found:
                yield f"{path}:{number}: {found.group(1)}: finish it or write an issue"


def no_vague_names(tree):
    for path in tree.paths:
        for part in pathlib.PurePosixPath(path).parts:
            if part.split(".")[0] in BANNED_NAMES:
                yield f"{path}:1: {part} says nothing about what is in it"


def files_have_one_subject(tree):
    for path in tree.files(SOURCE_SUFFIXES, LAYERS + CLIENTS):
        length = len(tree.lines(path))
        if length > LONGEST_FILE:
            yield f"{path}:{LONGEST_FILE}: {length} lines; more than {LONGEST_FILE}"


def no_machine_paths(tree):
    for path in tree.paths:
        suffix = pathlib.PurePosixPath(path).suffix
        is_text = suffix in TEXT_SUFFIXES or (suffix == "" and "/corpus/" not in path)
        if path == THIS_FILE or not is_text:
            continue
        for number, line in enumerate(tree.lines(path), 1):
            if MACHINE_PATHS.search(line):
                yield f"{path}:{number}: names a path of somebody's machine"


def only_allowed_at_the_top(tree):
    for name in sorted({path.split("/")[0] for path in tree.paths} - TOP_LEVEL):
        yield f"{name}:1: not one of the allowed top-level entries"


def anchors_of(tree, path):
    """Heading anchors as GitHub forms them."""
    anchors = set()
    in_code = False
    for line in tree.lines(path):
        if line.startswith("```"):
            in_code = not in_code
        found = None if in_code else HEADING.match(line)
        if found:
            text = re.sub(r"[^\w\- ]", "", found.group(1).lower())
            anchors.add(text.replace(" ", "-"))
    return anchors


def links_resolve(tree):
    for path in tree.files({".md"}):
        in_code = False
        for number, line in enumerate(tree.lines(path), 1):
            if line.startswith("```"):
                in_code = not in_code
            if in_code:
                continue
            for found in LINK.finditer(line):
                target = found.group(1) or found.group(2)
                if re.match(r"[a-z]+:", target):
                    continue
                file, _, anchor = target.partition("#")
                whole = path if not file else _resolved(path, file)
                if whole is None or not tree.has(whole):
                    yield f"{path}:{number}: nothing is at {target}"
                elif anchor and whole.endswith(".md") and anchor not in anchors_of(tree, whole):
                    yield f"{path}:{number}: no heading for {target}"


def _resolved(path, file):
    parts = list(pathlib.PurePosixPath(path).parent.parts)
    for part in pathlib.PurePosixPath(file).parts:
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def find_clang_format():
    """clang-format 14, or nothing: other versions format differently."""
    for name in ("clang-format-14", "clang-format"):
        program = shutil.which(name)
        if program is None:
            continue
        version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False)
        if re.search(r"version 14\.", version.stdout):
            return program
    return None


def formatted(tree):
    sources = list(tree.files(SOURCE_SUFFIXES))
    if not sources:
        return
    ran = subprocess.run([find_clang_format(), "--dry-run", "--style=file", *sources], cwd=tree.root,
                         capture_output=True, text=True, check=False)
    seen = set()
    for line in ran.stderr.splitlines():
        found = re.match(r"(.+?):(\d+):\d+: (?:warning|error)", line)
        if found and found.group(1) not in seen:
            seen.add(found.group(1))
            yield f"{found.group(1)}:{found.group(2)}: not as clang-format 14 writes it"
    if ran.returncode != 0 and not seen:
        yield f"clang-format: {ran.stderr.strip()}"


HEADER = "// A header.\n#pragma once\n"


class A_planted_violation_is_found(unittest.TestCase):
    def complaints(self, rule, files):
        with tempfile.TemporaryDirectory() as root:
            for path, text in files.items():
                file = pathlib.Path(root, path)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
            return list(rule(Tree(root)))

    def assert_finds(self, rule, files):
        self.assertEqual(len(self.complaints(rule, files)), 1, self.complaints(rule, files))

    def assert_clean(self, rule, files):
        self.assertEqual(self.complaints(rule, files), [])

    def assert_law(self, path, target, allowed):
        text = HEADER + f'#include "{target}"\n'
        (self.assert_clean if allowed else self.assert_finds)(include_law, {path: text})

    def test_of_the_include_law(self):
        self.assert_law("protocol/base/x.hpp", "actors/spool/spool.hpp", False)
        self.assert_law("protocol/base/x.hpp", "cluster/link/link.hpp", False)
        self.assert_law("protocol/base/x.hpp", "protocol/model/envelope.hpp", False)
        self.assert_law("protocol/mqtt/x.hpp", "protocol/native/frame.hpp", False)
        self.assert_law("protocol/mqtt/x.hpp", "protocol/model/envelope.hpp", True)
        self.assert_law("cluster/link/x.hpp", "actors/spool/spool.hpp", False)
        self.assert_law("cluster/link/x.hpp", "protocol/base/bytes.hpp", True)
        self.assert_law("actors/dedup/x.cpp", "actors/spool/spool.hpp", False)
        self.assert_law("actors/dedup/x.cpp", "actors/node/node.hpp", False)
        self.assert_law("actors/dedup/x.cpp", "actors/sqlite/database.hpp", False)
        self.assert_law("actors/sink/x.cpp", "actors/sqlite/database.hpp", True)
        self.assert_law("actors/dedup/x.cpp", "actors/dedup/window.hpp", True)
        self.assert_law("actors/dedup/x.cpp", "actors/contract/append.hpp", True)
        self.assert_law("actors/runtime/x.hpp", "actors/observe/counter.hpp", False)
        self.assert_law("actors/runtime/x.hpp", "actors/dedup/window.hpp", False)
        self.assert_law("actors/contract/x.hpp", "actors/spool/spool.hpp", False)
        self.assert_law("actors/node/x.cpp", "actors/spool/spool.hpp", True)
        self.assert_law("actors/x.cpp", "actors/spool/spool.hpp", False)
        self.assert_law("deploy/fleetsim/x.cpp", "protocol/mqtt/encode.hpp", True)
        self.assert_law("deploy/fleetsim/x.cpp", "deploy/fleetsim/device.hpp", True)
        self.assert_law("deploy/fleetsim/x.cpp", "deploy/other/device.hpp", False)
        self.assert_law("deploy/fleetsim/x.cpp", "actors/observe/counter.hpp", False)
        self.assert_law("deploy/fleetsim/x.cpp", "cluster/link/link.hpp", False)
        self.assert_law("actors/node/x.cpp", "deploy/fleetsim/device.hpp", False)
        self.assert_law("protocol/mqtt/x.cpp", "deploy/fleetsim/device.hpp", False)

    def assert_place(self, path, header, allowed):
        text = HEADER + f"#include <{header}>\n"
        rule = dependencies_in_their_place
        (self.assert_clean if allowed else self.assert_finds)(rule, {path: text})

    def test_of_the_places_of_dependencies(self):
        self.assert_place("actors/spool/spool.cpp", "caf/all.hpp", False)
        self.assert_place("actors/spool/spool_actor.cpp", "caf/all.hpp", True)
        self.assert_place("actors/runtime/unit.hpp", "caf/execution_unit.hpp", True)
        self.assert_place("actors/dedup/window.cpp", "msgpack.hpp", False)
        self.assert_place("actors/parse/msgpack_reader.cpp", "msgpack.hpp", True)
        self.assert_place("actors/spool/spool.cpp", "sqlite3.h", False)
        self.assert_place("actors/sqlite/database.cpp", "sqlite3.h", True)
        self.assert_place("protocol/mqtt/session.cpp", "boost/asio.hpp", False)
        self.assert_place("actors/admin/http_server.cpp", "boost/beast.hpp", True)
        self.assert_place("deploy/fleetsim/message_table.cpp", "sqlite3.h", True)
        self.assert_place("deploy/fleetsim/verify.cpp", "sqlite3.h", False)
        self.assert_place("deploy/fleetsim/command_line.cpp", "CLI/CLI.hpp", True)
        self.assert_place("deploy/fleetsim/device.cpp", "caf/all.hpp", False)

    def test_of_headers(self):
        self.assert_finds(headers_open_with_a_comment, {"protocol/base/x.hpp": "#pragma once\n"})
        self.assert_finds(headers_open_with_a_comment, {"protocol/base/x.hpp": ""})
        self.assert_clean(headers_open_with_a_comment, {"protocol/base/x.hpp": HEADER})
        self.assert_finds(headers_are_guarded, {"protocol/base/x.hpp": "// A header.\n"})

    def test_of_words(self):
        for word in ("TODO", "FIXME", "XXX"):
            self.assert_finds(no_banned_words, {"actors/spool/x.cpp": f"// {word}: later\n"})
        self.assert_clean(no_banned_words, {"deploy/x.sh": "mktemp /tmp/a.XXXXXX\n"})

    def test_of_names(self):
        self.assert_finds(no_vague_names, {"actors/common/x.cpp": ""})
        self.assert_finds(no_vague_names, {"protocol/base/utils.hpp": ""})
        self.assert_clean(no_vague_names, {"protocol/base/utf8.hpp": ""})

    def test_of_length(self):
        self.assert_finds(files_have_one_subject, {"actors/spool/x.cpp": "\n" * 601})
        self.assert_clean(files_have_one_subject, {"actors/spool/x.cpp": "\n" * 600})

    def test_of_machine_paths(self):
        self.assert_finds(no_machine_paths, {"docs/x.md": "see /home/somebody/notes\n"})
        self.assert_finds(no_machine_paths, {".ci/run": "cd /root/x\n"})
        self.assert_clean(no_machine_paths, {"docs/x.md": "see docs/home/page and /var/lib/x\n"})

    def test_of_the_top_level(self):
        self.assert_finds(only_allowed_at_the_top, {"notes.txt": ""})
        self.assert_finds(only_allowed_at_the_top, {"src/x.cpp": ""})
        self.assert_clean(only_allowed_at_the_top, {"README.md": "", "build/x": "", ".git/x": ""})

    def test_of_links(self):
        self.assert_finds(links_resolve, {"docs/a.md": "[b](b.md)\n"})
        self.assert_finds(links_resolve, {"docs/a.md": "[b](b.md#gone)\n", "docs/b.md": "# There\n"})
        self.assert_finds(links_resolve, {"docs/a.md": "[out](../../etc)\n"})
        self.assert_finds(links_resolve, {"README.md": "![picture](docs/p.png)\n"})
        self.assert_clean(links_resolve, {"docs/a.md": "[b](b.md#in-there) [w](https://x.org/)\n",
                                          "docs/b.md": "# In there!\n"})

    @unittest.skipUnless(find_clang_format(), "clang-format 14 is not installed")
    def test_of_format(self):
        style = "BasedOnStyle: Google\n"
        self.assert_finds(formatted, {".clang-format": style, "tests/x.cpp": "int   x;\n"})
        self.assert_clean(formatted, {".clang-format": style, "tests/x.cpp": "int x;\n"})


class This_tree(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.tree = Tree(REPOSITORY)

    def assert_holds(self, rule):
        complaints = list(rule(self.tree))
        if complaints:
            self.fail("\n" + "\n".join(complaints))

    def test_is_not_empty(self):
        self.assertGreater(len(list(self.tree.files(SOURCE_SUFFIXES, LAYERS))), 10)

    def test_keeps_the_include_law(self):
        self.assert_holds(include_law)

    def test_keeps_dependencies_in_their_place(self):
        self.assert_holds(dependencies_in_their_place)

    def test_headers_open_with_a_comment(self):
        self.assert_holds(headers_open_with_a_comment)

    def test_headers_are_guarded(self):
        self.assert_holds(headers_are_guarded)

    def test_has_no_banned_words(self):
        self.assert_holds(no_banned_words)

    def test_has_no_vague_names(self):
        self.assert_holds(no_vague_names)

    def test_files_have_one_subject(self):
        self.assert_holds(files_have_one_subject)

    def test_names_no_machine_paths(self):
        self.assert_holds(no_machine_paths)

    def test_has_only_allowed_entries_at_the_top(self):
        self.assert_holds(only_allowed_at_the_top)

    def test_links_resolve(self):
        self.assert_holds(links_resolve)

    @unittest.skipUnless(find_clang_format(), "clang-format 14 is not installed")
    def test_is_formatted(self):
        self.assert_holds(formatted)


if __name__ == "__main__":
    unittest.main()
