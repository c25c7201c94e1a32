def price_order(quantity: int, unit_cents: int) -> int:
    price = quantity * unit_cents
    return price * 9 // 10 if quantity >= 10 else price
