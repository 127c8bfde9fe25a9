"""Which changes of the code, and of the parameters, make a trained run stale."""

import re
import shutil

import pytest

from acnet import provenance
from acnet.files import digest, read_yaml
from acnet.params.campaign import Campaign
from acnet.provenance import changed_since, source_hash, statements_of


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of acnet/ whose source is hashed in place of the project's own."""
    copy = tmp_path / "acnet"
    shutil.copytree(provenance.PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "*.json"))
    monkeypatch.setattr(provenance, "PACKAGE", copy)
    return copy


def hash_now() -> str:
    return source_hash.__wrapped__()


def edit(file, old, new):
    text = file.read_text()
    assert text.count(old) == 1, old
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize("names", [provenance.SOURCES, provenance.WITHOUT])
def test_every_module_named_by_the_source_hash_is_there(names):
    for name in names:
        assert list(provenance.PACKAGE.glob(name)), name


def test_a_comment_in_every_file_makes_nothing_stale(package):
    before = hash_now()
    for file in package.rglob("*.py"):
        file.write_text(f"# A comment.\n{file.read_text()}\n# Another one.\n")
    assert hash_now() == before


def test_docstrings_and_layout_make_nothing_stale(package):
    before = hash_now()
    changed = 0
    for file in package.rglob("*.py"):
        text, count = re.subn(r'^( *)"""[^"]+"""$', r'\1"""Other words."""', file.read_text(), flags=re.MULTILINE)
        file.write_text(text.replace("\n\n", "\n\n\n").replace(" == ", "   ==  "))
        changed += count
    assert changed > 300
    assert hash_now() == before


@pytest.mark.parametrize(
    ("name", "stale"),
    [
        ("report/tables.py", False),
        ("data/generate/scenes.py", False),
        ("params/campaign.py", False),
        ("jobs/run_lock.py", False),
        ("train/loss.py", True),
        ("model/network.py", True),
        ("data/transforms.py", True),
        ("evaluate/metrics.py", True),
        ("checkpoint.py", True),
    ],
)
def test_only_code_that_can_change_a_result_makes_runs_stale(package, name, stale):
    before = hash_now()
    file = package / name
    file.write_text(f"{file.read_text()}\nadded = 1\n")
    assert (hash_now() != before) == stale


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("model/global_context.py", "torch.ones(())", "torch.ones(1)"),
        ("model/global_context.py", "(k - d)", "(d - k)"),
        ("train/loss.py", "max(1, valid)\n        parts", "max(2, valid)\n        parts"),
        ("train/optimizer.py", "fused=True", "fused=False"),
        ("evaluate/inference.py", "import torch.nn.functional as F", "import torch as F"),
    ],
)
def test_a_number_an_operator_or_another_librarys_function_makes_runs_stale(package, name, old, new):
    before = hash_now()
    edit(package / name, old, new)
    assert hash_now() != before


def test_a_module_that_moves_makes_nothing_stale(package):
    before = hash_now()
    (package / "train" / "loss.py").rename(package / "model" / "losses.py")
    edit(package / "train" / "step.py", "from acnet.train.loss import", "from acnet.model.losses import")
    assert hash_now() == before


def test_the_text_of_a_module_is_the_same_on_every_python():
    source = '''
"""Docstring."""
from typing import Generic, TypeVar
import torch.nn.functional as F
from acnet.files import digest, read_yaml
from acnet.params.campaign import Campaign
T = TypeVar("T")
x: int = 1_000
type_of = lambda a, /, *b, c=None, **d: (a, *b, c, -1, 2.50, 1j, b"x", True, ...)
class A(Generic[T], metaclass=type):
    """Docstring."""
    @property
    async def f(self, n: int | None = None) -> list[str]:
        """Docstring."""
        from acnet.errors import AcnetError
        async with self as s, s.t:
            return [f"{i!r:>{n}} is {i=} \\N{BULLET}" "more" for i in s if (j := i) > 0 and not i or j is None]
def g():
    """Docstring alone."""
match x:
    case {"a": [1, *_], **rest} if rest: pass
    case A(b=None) | None: raise ValueError from None
try:
    a[1:, ::2] @= {**d, 1: {1, 2}}
except* OSError as error:
    del x
else:
    global y; y = yield
'''
    # Computed on Python 3.11, 3.12 and 3.13.
    assert digest(list(statements_of(source))) == "e25c29bf06b531aa"


def test_a_change_entered_as_harmless_makes_nothing_stale(package, root):
    now = Campaign(root / "params", "mini").resolve("acb3", 0)
    made = {"source_hash": "aa", "params_hash": now.digest()}
    (package / provenance.HARMLESS).write_text('- ["aa", "bb"]\n- ["xx", "yy"]\n- ["bb", "cc"]\n- ["cc", "aa"]\n')
    assert [changed_since(made, now, code) for code in ("aa", "bb", "cc", "yy")] == [[], [], [], ["code"]]
    made["source_hash"] = "bb"
    assert [changed_since(made, now, code) for code in ("cc", "aa", "xx")] == [[], [], ["code"]]


def test_the_list_of_harmless_changes_holds_pairs_of_hashes():
    for pair in read_yaml(provenance.PACKAGE / provenance.HARMLESS):
        assert len(pair) == 2 and all(re.fullmatch("[0-9a-f]{16}", code) for code in pair)


def test_a_training_goes_on_without_its_patch_where_git_cannot_write_one(package, monkeypatch):
    monkeypatch.setattr(provenance, "commit", lambda: ("c" * 40, True))
    assert provenance.changes.__wrapped__() == b""


def test_a_patch_has_the_form_that_git_applies_whatever_the_settings_of_the_user(package, monkeypatch):
    def git(*words):
        return provenance._git("-c", "user.name=a", "-c", "user.email=a@b", *words)

    git("init", "--quiet")
    git("config", "diff.noprefix", "true")
    git("config", "color.ui", "always")
    (package.parent / "workflow").mkdir()
    for name in ("params/runs.yaml", "workflow/config.yaml", "Snakefile"):
        (package.parent / name).parent.mkdir(exist_ok=True)
        (package.parent / name).write_text("before\n")
    git("add", "--all")
    git("commit", "--quiet", "-m", "as published")
    edit(package.parent / "params/runs.yaml", "before", "after")
    head = git("rev-parse", "HEAD").strip()
    monkeypatch.setattr(provenance, "commit", lambda: (head, True))
    patch = provenance.changes.__wrapped__()
    assert patch.startswith(b"diff --git a/params/runs.yaml b/params/runs.yaml\n") and b"\n-before\n+after\n" in patch
    assert git("diff", "--cached", "--name-only") == ""


def test_the_commit_is_this_packages_own_and_untracked_files_count_whatever_the_settings_of_the_user(
    tmp_path, monkeypatch
):
    def git(*words):
        return provenance._git("-c", "user.name=a", "-c", "user.email=a@b", *words)

    package = tmp_path / "around/project/acnet"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.setattr(provenance, "PACKAGE", package)
    git("init", "--quiet", str(tmp_path / "around"))
    git("commit", "--quiet", "--allow-empty", "-m", "of a folder around the package")
    assert provenance.commit.__wrapped__() == (None, None)
    git("init", "--quiet", str(package.parent))
    git("add", "--all")
    git("commit", "--quiet", "-m", "its own")
    git("config", "status.showUntrackedFiles", "no")
    head = git("rev-parse", "HEAD").strip()
    assert provenance.commit.__wrapped__() == (head, False)
    (package / "new.py").touch()
    assert provenance.commit.__wrapped__() == (head, True)


def test_a_package_with_metadata_that_is_not_utf_8_stops_no_training(tmp_path, monkeypatch):
    folder = tmp_path / "old.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_bytes(b"Metadata-Version: 1.0\nName: old\nVersion: 1\nAuthor: Andr\xe9\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    provenance.write_surroundings(tmp_path, tmp_path)
    assert "torch==" in (tmp_path / provenance.DISTRIBUTIONS).read_text()
