# title: 100 MB of standard input that nobody reads
# mode: program
# guard: none
# expect: ACCEPTED
# stdin-bytes: 104857600
# stdout: 'not interested\n'
print("not interested")
