"""Projects of several files that print 5, one per language: the main file, and all files."""

from __future__ import annotations

import textwrap

from qlayer.types.language import Language
from qlayer.types.source import SourceTree


def tree(**files: str) -> SourceTree:
    """Files by name, ``__`` for a slash and ``_`` before the suffix: ``lib__add_c`` is lib/add.c."""
    named = {}
    for name, text in files.items():
        stem, _, suffix = name.replace("__", "/").rpartition("_")
        named[f"{stem}.{suffix}"] = textwrap.dedent(text)
    return SourceTree().with_files(named)


MANY_FILES = {
    Language.C: (
        "main.c",
        {
            "main_c": '#include <stdio.h>\n#include "lib/add.h"\nint main() { printf("%d\\n", add(2, 3)); }',
            "lib__add_h": "int add(int, int);",
            "lib__add_c": '#include "lib/add.h"\nint add(int a, int b) { return a + b; }',
        },
    ),
    Language.CPP: (
        "main.cpp",
        {
            "main_cpp": '#include <stdio.h>\n#include "add.hpp"\nint main() { printf("%d\\n", add(2, 3)); }',
            "add_hpp": "#pragma once\nint add(int, int);",
            "add_cpp": '#include "add.hpp"\nint add(int a, int b) { return a + b; }',
        },
    ),
    Language.JAVA: (
        "org/example/Main.java",
        {
            "org__example__Main_java": """
                package org.example;

                import org.example.sums.Adder;

                public class Main {
                    public static void main(String[] args) { System.out.println(Adder.add(2, 3)); }
                }
            """,
            "org__example__sums__Adder_java": """
                package org.example.sums;

                public class Adder {
                    public static int add(int a, int b) { return a + b; }
                }
            """,
        },
    ),
    Language.GO: (
        "main.go",
        {
            "main_go": """
                package main

                import (
                    "fmt"
                    "program/sums"
                )

                func main() { fmt.Println(sums.Add(2, 3)) }
            """,
            "sums__add_go": "package sums\n\nfunc Add(a, b int) int { return a + b }\n",
        },
    ),
    Language.RUST: (
        "main.rs",
        {
            "main_rs": 'mod sums;\nfn main() { println!("{}", sums::add(2, 3)); }',
            "sums__mod_rs": "pub fn add(a: i32, b: i32) -> i32 { a + b }",
        },
    ),
    Language.JAVASCRIPT: (
        "main.js",
        {
            "main_js": 'console.log(require("./lib/sums").add(2, 3));',
            "lib__sums_js": "exports.add = (a, b) => a + b;",
        },
    ),
    Language.TYPESCRIPT: (
        "main.ts",
        {
            "main_ts": 'import { add } from "./lib/sums";\nconsole.log(add(2, 3));',
            "lib__sums_ts": "export const add = (a: number, b: number): number => a + b;",
        },
    ),
    Language.BASH: (
        "main.sh",
        {"main_sh": ". lib/sums.sh\nadd 2 3", "lib__sums_sh": "add() { echo $(($1 + $2)); }"},
    ),
    Language.SQL: (
        "main.sql",
        {
            "main_sql": ".read lib/sums.sql\nSELECT a + b FROM two;",
            "lib__sums_sql": "CREATE TABLE two AS SELECT 2 AS a, 3 AS b;",
        },
    ),
}
