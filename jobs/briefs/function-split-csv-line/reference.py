def split_line(line: str) -> list[str]:
    fields, start = [], 0
    while True:
        while line[start : start + 1] == " ":
            start += 1
        if line[start : start + 1] == '"':
            text, at = "", start + 1
            while line[at : at + 1] != '"' or line[at : at + 2] == '""':
                if at >= len(line):
                    raise ValueError("a quote is not closed")
                text += line[at]
                at += 2 if line[at : at + 2] == '""' else 1
            fields.append(text)
            end = line.find(",", at)
        else:
            end = line.find(",", start)
            fields.append(line[start : end if end >= 0 else len(line)].strip())
        if end < 0:
            return fields
        start = end + 1
