# title: temporary files and folders
# mode: program
# expect: ACCEPTED
# guard: none
# stdout: 'kept\n'
import os
import tempfile

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "note")
    with open(path, "w") as file:
        file.write("kept")
    os.replace(path, path + "2")
    with open(path + "2") as file:
        print(file.read())
