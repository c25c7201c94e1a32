"""Languages that run on a virtual machine: Java, JavaScript, TypeScript.

The largest heap is the job's whole memory: what a machine takes besides its heap makes the memory group
overflow first, so that the kernel's counter decides, not an exception of the machine. The address space that
they reserve is not limited.
"""

from __future__ import annotations

from qlayer.sandbox.runtimes.base import COMPILE_LIMITS, Build, Runtime
from qlayer.types.language import SUFFIXES, Language

_NODE = ("--max-old-space-size={memory_mib}", "--v8-pool-size=1")
_AMBIENT = """\
declare var process: any, console: any, Buffer: any, require: any, module: any, exports: any;
declare var setTimeout: any, setInterval: any, setImmediate: any, clearTimeout: any, clearInterval: any;
declare var __dirname: string, __filename: string;
declare module "*";
"""
"""What node gives to every program, without types: Debian's compiler brings none of them."""

JAVA = Runtime(
    language=Language.JAVA,
    name="openjdk",
    tools=("java", "javac"),
    install="apt-get install default-jdk-headless",
    build=Build(
        argv=(
            *("{host:javac}", "-J-XX:+UseSerialGC", "-J-XX:TieredStopAtLevel=1", "-J-Xmx768m"),
            *("-J-XX:-UsePerfData", "-J-XX:-UseContainerSupport", "-proc:none", "-encoding", "UTF-8"),
            *("-d", "{build}", "{sources}"),
        ),
        suffixes=SUFFIXES[Language.JAVA],
        limits=COMPILE_LIMITS.model_copy(update={"cpu_s": 60.0}),
    ),
    run=(
        *(
            "{tool}",
            "-Xmx{memory_mib}m",
            "-Xss16m",
            "-XX:ActiveProcessorCount=2",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
        ),
        *(
            "-XX:-UsePerfData",
            "-XX:-UseContainerSupport",
            "-Dfile.encoding=UTF-8",
            "-cp",
            "{build}",
            "{class}",
        ),
    ),
    libraries="../lib",
    shown=("/etc/java-*",),
)

JAVASCRIPT = Runtime(
    language=Language.JAVASCRIPT,
    name="node",
    tools=("node",),
    install="apt-get install nodejs",
    build=Build(argv=("{tool}", "--check", "{path}"), artefacts=False),
    run=("{tool}", *_NODE, "{path}"),
    shown=("/usr/share/nodejs", "/usr/share/node_modules"),
)

TYPESCRIPT = Runtime(
    language=Language.TYPESCRIPT,
    name="tsc",
    tools=("tsc", "node"),
    install="apt-get install node-typescript nodejs",
    build=Build(
        argv=(
            *("{host:node}", "{tool}", "--pretty", "false", "--target", "es2020", "--module", "commonjs"),
            *("--strict", "--noImplicitAny", "false", "--noEmitOnError", "--skipLibCheck"),
            *("--skipDefaultLibCheck", "--lib", "es2020", "--rootDir", "."),
            *("--outDir", "{build}", "node-globals.d.ts", "{path}"),
        ),
        extra_files=(("node-globals.d.ts", _AMBIENT),),
    ),
    run=("{host:node}", *_NODE, "{build}/{stem}.js"),
    shown=("/usr/share/nodejs", "/usr/share/node_modules"),
)

MANAGED = (JAVA, JAVASCRIPT, TYPESCRIPT)
