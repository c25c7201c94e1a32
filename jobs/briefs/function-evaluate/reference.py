import re


def evaluate(formula: str) -> float:
    tokens = re.findall(r"\d+(?:\.\d*)?|\.\d+|[-+*/()]|\S", formula)

    def take(*expected: str) -> str:
        return tokens.pop(0) if tokens and tokens[0] in expected else ""

    def factor() -> float:
        if take("-"):
            return -factor()
        if take("("):
            value = total()
            if not take(")"):
                raise ValueError("a bracket is not closed")
            return value
        if not tokens:
            raise ValueError("something is missing at the end")
        return float(tokens.pop(0))

    def product() -> float:
        value = factor()
        while sign := take("*", "/"):
            other = factor()
            if sign == "/" and other == 0:
                raise ValueError("division by zero")
            value = value * other if sign == "*" else value / other
        return value

    def total() -> float:
        value = product()
        while sign := take("+", "-"):
            value += product() if sign == "+" else -product()
        return value

    result = total()
    if tokens:
        raise ValueError(f"not understood: {tokens[0]}")
    return result
