"""Languages that are compiled to machine code: C, C++, Go, Rust; and executables brought along."""

from __future__ import annotations

from qlayer.sandbox.runtimes.base import COMPILE_LIMITS, Build, Runtime
from qlayer.types.language import SUFFIXES, Language

_PROGRAM = "{build}/program"
_HEADERS = ("/usr/include", "/usr/libexec", "/usr/local/include")

C = Runtime(
    language=Language.C,
    name="gcc",
    tools=("gcc",),
    install="apt-get install gcc libc6-dev",
    build=Build(
        argv=("{tool}", "-std=gnu17", "-O2", "-I.", "-o", _PROGRAM, "{sources}", "-lm", "-pthread"),
        suffixes=SUFFIXES[Language.C],
    ),
    run=(_PROGRAM,),
    shown=_HEADERS,
)

CPP = Runtime(
    language=Language.CPP,
    name="g++",
    tools=("g++",),
    install="apt-get install g++",
    build=Build(
        argv=("{tool}", "-std=gnu++20", "-O2", "-I.", "-o", _PROGRAM, "{sources}", "-pthread"),
        suffixes=SUFFIXES[Language.CPP],
    ),
    run=(_PROGRAM,),
    shown=_HEADERS,
)

GO = Runtime(
    language=Language.GO,
    name="go",
    tools=("go",),
    install="apt-get install golang-go",
    version=("version",),
    # Without -trimpath, an installation that ships the standard library compiled uses it as it is.
    build=Build(
        argv=("{tool}", "build", "-p", "2", "-ldflags", "-s -w", "-o", _PROGRAM, "./{folder}"),
        extra_files=(("go.mod", "module program\n\ngo 1.19\n"),),
        limits=COMPILE_LIMITS.model_copy(update={"cpu_s": 60.0}),
    ),
    run=(_PROGRAM,),
    environment=(
        ("CGO_ENABLED", "0"),
        ("GO111MODULE", "on"),
        ("GOCACHE", "/tmp/gocache"),
        ("GOFLAGS", "-mod=mod"),
        ("GOMAXPROCS", "2"),
        # The collector works harder near the limit; beyond it the kernel decides.
        ("GOMEMLIMIT", "{memory_mib}MiB"),
        ("GOPROXY", "off"),
        ("GOSUMDB", "off"),
        ("GOTOOLCHAIN", "local"),
    ),
    shown=("/usr/share/go-*",),
)

RUST = Runtime(
    language=Language.RUST,
    name="rustc",
    tools=("rustc", "gcc"),
    install="apt-get install rustc gcc libc6-dev",
    build=Build(
        argv=(
            *("{tool}", "--edition", "2021", "-O", "-C", "codegen-units=1", "-C", "strip=symbols"),
            # Not the linker that comes with rustc: it looks for itself in /proc.
            *("-C", "link-arg=-fuse-ld=bfd", "--crate-name", "program", "-o", _PROGRAM, "{path}"),
        ),
    ),
    run=(_PROGRAM,),
    libraries="../lib",
)

BINARY = Runtime(
    language=Language.BINARY,
    name="executable",
    tools=(),
    install="",
    run=("./{path}",),
)

NATIVE = (C, CPP, GO, RUST, BINARY)
