"""From what was observed to a verdict, one file per mode. What a child reported is hostile input."""
