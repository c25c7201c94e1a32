"""Requests for command-line tools in several wordings, with right and wrong fillings of their slots."""

from __future__ import annotations

from typing import NamedTuple


class ToolRequest(NamedTuple):
    text: str
    right: dict[str, str]
    wrong: dict[str, str]
    """For each slot a program that runs, and that an example refuses."""


CALC = ToolRequest(
    text="""\
# Calculator

A command-line tool `calc` with two commands.

## Commands

- `add A B`: prints the sum of two numbers
- `repeat WORD [--times N]`: prints the word N times, separated by spaces (default 2)

## Examples

```
$ calc add 1 2
3
$ calc add 1.5 2
3.5
$ calc repeat hi
hi hi
$ calc repeat ho --times 3
ho ho ho
$ calc repeat ho --times 0
error: times must be positive
$ echo $?
1
```
""",
    right={
        "add": "def add(a, b):\n    return a + b\n",
        "repeat": (
            "def repeat(word, times=2):\n"
            "    if times < 1:\n        raise ValueError('times must be positive')\n"
            "    return ' '.join([word] * times)\n"
        ),
    },
    wrong={
        "add": "def add(a, b):\n    return a - b\n",
        "repeat": "def repeat(word, times=2):\n    return ' '.join([word] * times)\n",
    },
)

TODO = ToolRequest(
    text="""\
# Todo list

A small CLI called todo that keeps tasks in `todo.json` in the current folder.

- `todo add TITLE` adds a task and prints its number
- `todo done NUMBER` marks a task as done
- `todo list` prints all tasks, one a line

```console
$ todo add "buy milk"
added 1
$ todo add "write report"
added 2
$ todo done 1
done: buy milk
$ todo list
1 [x] buy milk
2 [ ] write report
$ todo done 7
error: no task 7
```
""",
    right={
        "add": (
            "def add(items, title):\n    items.append({'title': title, 'done': False})\n"
            "    return f'added {len(items)}'\n"
        ),
        "done": (
            "def done(items, number):\n    if not 1 <= number <= len(items):\n"
            "        raise ValueError(f'no task {number}')\n    items[number - 1]['done'] = True\n"
            "    return 'done: ' + items[number - 1]['title']\n"
        ),
        "list_command": (
            "def list_command(items):\n"
            "    marks = ['x' if item['done'] else ' ' for item in items]\n"
            "    return [f'{n} [{m}] {i[\"title\"]}' for n, (m, i) in enumerate(zip(marks, items), 1)]\n"
        ),
    },
    wrong={
        "add": "def add(items, title):\n    items.append({'title': title})\n    return 'added'\n",
        "done": "def done(items, number):\n    return 'done: ' + items[number - 1]['title']\n",
        "list_command": "def list_command(items):\n    return ''\n",
    },
)

COUNT = ToolRequest(
    text="""\
Write a command line tool `wordcount` that prints how often each word occurs in a file, most frequent first,
words of equal frequency in alphabetical order. Case is ignored.

Usage: `wordcount FILE [--top N]`

Options:

- `--top N` (int): only the N most frequent

The file `poem.txt`:

```
the cat
The dog
```

Examples:

    $ wordcount poem.txt
    the 2
    cat 1
    dog 1
    $ wordcount poem.txt --top 1
    the 2
    $ wordcount missing.txt
    wordcount: no such file: missing.txt
""",
    right={
        "wordcount": (
            "from collections import Counter\n\n"
            "def wordcount(file, top=None):\n    counts = Counter(file.lower().split())\n"
            "    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:top]\n"
            "    return '\\n'.join(f'{word} {count}' for word, count in ordered)\n"
        )
    },
    wrong={
        "wordcount": (
            "from collections import Counter\n\n"
            "def wordcount(file, top=None):\n    counts = Counter(file.split())\n"
            "    return '\\n'.join(f'{word} {count}' for word, count in counts.most_common(top))\n"
        )
    },
)

SHOUT = ToolRequest(
    text="""\
# Shout

A command-line program named `shout` that reads text from standard input and prints it in capitals. With
`--reverse` the lines come in reverse order.

- `$ printf 'a\\nb\\n' | shout` -> `A\\nB`
- `$ echo hello | shout` prints `HELLO`

```
$ printf 'a\\nb\\n' | shout --reverse
B
A
```
""",
    right={
        "shout": (
            "def shout(text, reverse=False):\n    lines = text.upper().splitlines()\n"
            "    return '\\n'.join(lines[::-1] if reverse else lines)\n"
        )
    },
    wrong={"shout": "def shout(text, reverse=False):\n    return text\n"},
)

ALL = {"calc": CALC, "todo": TODO, "count": COUNT, "shout": SHOUT}
