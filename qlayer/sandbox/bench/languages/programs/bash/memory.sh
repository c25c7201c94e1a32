hoard=0123456789abcdef
while :; do hoard+=$hoard; done
