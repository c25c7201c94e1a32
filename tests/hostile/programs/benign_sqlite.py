# title: an SQLite file with its locks
# mode: program
# expect: ACCEPTED
# guard: none
# stdout: '[(1,), (2,)]\n'
import sqlite3

with sqlite3.connect("/tmp/data.sqlite") as connection:
    connection.execute("create table t (n integer)")
    connection.executemany("insert into t values (?)", [(1,), (2,)])
print(sqlite3.connect("/tmp/data.sqlite").execute("select n from t order by n").fetchall())
