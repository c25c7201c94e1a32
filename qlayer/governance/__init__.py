"""Who may do what: policies in Rego, default deny."""
