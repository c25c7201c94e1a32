# No slots: there is nothing to fill in.
